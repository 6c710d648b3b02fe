// SPDX-License-Identifier: Apache-2.0
// Results as a signed Entity Attestation Token (RFC 9711) in its JSON form, a
// JWT (RFC 7519).
#pragma once

#include "attest/public_key.hpp"
#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <boost/json/object.hpp>
#include <string>

namespace dsmil::attest {

// The compact form, by ES256 (RFC 7518, 3.4). malformed unless the key is the PEM of a P-256 private
// key without a password.
[[nodiscard]] Result<std::string> sign_eat(const boost::json::object &claims, ByteView private_key_pem);

// With what such tokens are verified; malformed unless it is a key for sign_eat().
[[nodiscard]] Result<PublicKey> public_of_token_key(ByteView private_key_pem);
// A new one, as PEM.
[[nodiscard]] Result<std::string> make_token_key();

// Base64 for URLs, without padding (RFC 7515, 2).
[[nodiscard]] std::string to_base64url(ByteView bytes);

} // namespace dsmil::attest
