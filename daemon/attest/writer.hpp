// SPDX-License-Identifier: Apache-2.0
// Big-endian fields, as a TPM marshals them. Inner header of attest/.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>

namespace dsmil::attest {

class Writer {
  public:
    template <typename T>
    Writer &number(T value) {
        for (std::size_t i = sizeof(T); i > 0; i--) {
            bytes_.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * (i - 1))));
        }
        return *this;
    }
    Writer &raw(ByteView bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return *this;
    }
    // A TPM2B. `bytes` has at most 65535.
    Writer &sized(ByteView bytes) { return number(static_cast<std::uint16_t>(bytes.size())).raw(bytes); }

    [[nodiscard]] const Bytes &bytes() const { return bytes_; }

  private:
    Bytes bytes_;
};

} // namespace dsmil::attest
