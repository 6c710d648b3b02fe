// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <initializer_list>

namespace dsmil {

using Hash = std::array<std::uint8_t, 32>;

// SHA-256 of the parts, one after the other.
[[nodiscard]] Hash sha256(std::initializer_list<ByteView> parts);
[[nodiscard]] inline Hash sha256(ByteView bytes) {
    return sha256({bytes});
}

} // namespace dsmil
