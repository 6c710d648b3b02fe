// SPDX-License-Identifier: Apache-2.0
// A key that signs grants, as its owner has it.
#pragma once

#include "dsmil/error.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace dsmilctl {

struct P256Point {
    std::array<std::uint8_t, 64> xy;                       // big-endian
    [[nodiscard]] std::array<std::uint8_t, 32> id() const; // SHA-256 of 0x04 X Y
};

// The P-256 public key of a PEM (SubjectPublicKeyInfo, RFC 5480). usage: it is none.
[[nodiscard]] dsmil::Result<P256Point> parse_public_key(std::string_view pem);

} // namespace dsmilctl
