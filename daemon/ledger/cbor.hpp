// SPDX-License-Identifier: Apache-2.0
// Deterministic CBOR (RFC 8949 section 4.2.1), the part of it that records use:
// integers, byte and text strings, maps.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dsmil::cbor {

// Appends to one buffer. The caller gives map keys in the order of their
// encodings (the shorter first, then bytewise).
class Encoder {
  public:
    void map(std::uint64_t entries) { head(5, entries); }
    void number(std::uint64_t value) { head(0, value); }
    void number(std::int64_t value);
    void bytes(ByteView value);
    void text(std::string_view value); // must be UTF-8
    [[nodiscard]] Bytes take() { return std::move(out_); }

  private:
    void head(unsigned major, std::uint64_t argument);
    Bytes out_;
};

// Takes an input apart, one item after the other; what it answers points into the input. The first thing that
// is not deterministic (a longer form than needed, an indefinite length, text that is no UTF-8), not in our
// part of CBOR, not what the caller asks for or missing is remembered, and every answer after it is empty.
// The order of map keys is the caller's to check.
class Cursor {
  public:
    enum class Kind : std::uint8_t { number, negative, bytes, text, map, none };

    explicit Cursor(ByteView input) : input_(input) {}

    [[nodiscard]] Kind next() const; // none: at the end, after an error, or before what we do not use
    // Passes over the next item if it is this number, which is below 24.
    [[nodiscard]] bool take(std::uint64_t small);
    std::uint64_t number();
    std::int64_t negative(); // below 0
    ByteView bytes();
    std::string_view text();
    std::uint64_t map(); // how many entries follow; not more than bytes are left

    [[nodiscard]] std::size_t position() const { return position_; }
    [[nodiscard]] ByteView since(std::size_t position) const {
        return input_.subspan(position, position_ - position);
    }
    [[nodiscard]] bool at_end() const { return position_ == input_.size(); }

    void refuse(std::string why);
    [[nodiscard]] bool ok() const { return why_.empty(); }
    [[nodiscard]] std::unexpected<Error> error() const; // Code::failed

  private:
    // The argument of an item's head, which must be of this major type; nothing after an error.
    std::optional<std::uint64_t> head(unsigned major);
    ByteView string(unsigned major);

    ByteView input_;
    std::size_t position_ = 0;
    std::size_t bad_at_ = 0;
    std::string why_;
};

} // namespace dsmil::cbor
