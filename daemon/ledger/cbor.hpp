// SPDX-License-Identifier: Apache-2.0
// Deterministic CBOR (RFC 8949 section 4.2.1), the part of it that records use:
// integers, byte and text strings, arrays, maps.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dsmil::cbor {

struct Value;
struct Entry;
using Array = std::vector<Value>;
using Map = std::vector<Entry>;

struct Value {
    // std::int64_t only holds negative numbers: each number has one spelling.
    std::variant<std::uint64_t, std::int64_t, Bytes, std::string, Array, Map> as;

    // Null when it is no map or lacks the key.
    [[nodiscard]] const Value *find(std::uint64_t key) const;
    template <typename T>
    [[nodiscard]] const T *get() const {
        return std::get_if<T>(&as);
    }
};

struct Entry {
    Value key;
    Value value;
};

// Appends to one buffer. The caller gives map keys in the order of their
// encodings (the shorter first, then bytewise).
class Encoder {
  public:
    void map(std::uint64_t entries) { head(5, entries); }
    void array(std::uint64_t items) { head(4, items); }
    void number(std::uint64_t value) { head(0, value); }
    void number(std::int64_t value);
    void bytes(ByteView value);
    void text(std::string_view value); // must be UTF-8
    [[nodiscard]] Bytes take() { return std::move(out_); }

  private:
    void head(unsigned major, std::uint64_t argument);
    Bytes out_;
};

inline constexpr unsigned max_depth = 8;

// The one value that `input` is. Anything not deterministic (a longer form than
// needed, an indefinite length, keys out of order or twice, text that is no
// UTF-8), not in our part of CBOR, or left over is an error (Code::failed).
[[nodiscard]] Result<Value> decode(ByteView input);

} // namespace dsmil::cbor
