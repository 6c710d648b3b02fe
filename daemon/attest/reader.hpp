// SPDX-License-Identifier: Apache-2.0
// Fields of outside data, one after the other. Inner header of attest/.
#pragma once

#include "base/bytes.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace dsmil::attest {

// After the end all is zero and empty, and ok() is false: who reads asks once, at the end or
// before it trusts a count.
template <std::endian order>
class Reader {
  public:
    explicit Reader(ByteView bytes) : rest_(bytes) {}

    template <typename T>
    T number() {
        const ByteView bytes = take(sizeof(T));
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < bytes.size(); i++) {
            value = value << 8U | bytes[order == std::endian::big ? i : bytes.size() - 1 - i];
        }
        return static_cast<T>(value);
    }

    ByteView take(std::size_t count) {
        if (count > rest_.size()) {
            ok_ = false;
            count = 0;
            rest_ = {};
        }
        const ByteView taken = rest_.first(count);
        rest_ = rest_.subspan(count);
        return taken;
    }

    ByteView sized() { return take(number<std::uint16_t>()); } // a TPM2B

    [[nodiscard]] ByteView rest() const { return rest_; }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] bool complete() const { return ok_ && rest_.empty(); }

  private:
    ByteView rest_;
    bool ok_ = true;
};

using BigReader = Reader<std::endian::big>;       // what a TPM writes
using LittleReader = Reader<std::endian::little>; // what firmware and kernel write

[[nodiscard]] inline Bytes to_bytes(ByteView view) {
    return {view.begin(), view.end()};
}

} // namespace dsmil::attest
