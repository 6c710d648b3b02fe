// SPDX-License-Identifier: Apache-2.0
// The answer to POST /v1/attest, decoded. Pure, and for any bytes.
#pragma once

#include "attest/quote.hpp"
#include "dsmil/error.hpp"

#include <string_view>

namespace dsmilctl {

// attestation_failed when something is missing or malformed: an answer that
// shows nothing attests nothing.
[[nodiscard]] dsmil::Result<dsmil::attest::QuoteBundle> decode_attestation(std::string_view body);

// The SubjectPublicKeyInfo (DER) in a PEM public key; attestation_failed if there is none.
[[nodiscard]] dsmil::Result<dsmil::Bytes> spki_of(std::string_view pem);

} // namespace dsmilctl
