// SPDX-License-Identifier: Apache-2.0
// A key that signs grants, as its owner has it.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace dsmil::grants {

using KeyId = std::array<std::uint8_t, 32>;

struct P256Point {
    std::array<std::uint8_t, 64> xy; // big-endian
    [[nodiscard]] KeyId id() const;  // SHA-256 of 0x04 X Y
    bool operator==(const P256Point &) const = default;

    // Whether `der` is this key's ECDSA signature (SHA-256) of the message.
    [[nodiscard]] bool signed_this(std::string_view message, ByteView der) const;
};

// The P-256 public key of a PEM (SubjectPublicKeyInfo, RFC 5480), or of its DER. usage:
// it is none.
[[nodiscard]] Result<P256Point> parse_public_key(std::string_view pem);
[[nodiscard]] Result<P256Point> decode_public_key(ByteView spki);
[[nodiscard]] Result<std::string> encode_public_key(const P256Point &key); // PEM

} // namespace dsmil::grants
