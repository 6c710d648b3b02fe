// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"
#include "tpm/endorsement.hpp"

#include <string_view>

namespace dsmil::api {

struct ActivateRequest {
    tpm::EkAlgorithm ek = tpm::EkAlgorithm::p256;
    Bytes credential; // TPM2B_ID_OBJECT
    Bytes secret;     // TPM2B_ENCRYPTED_SECRET
};

// {"ek": "ecc-p256", "credential": base64, "secret": base64}; usage with what is wrong.
[[nodiscard]] Result<ActivateRequest> parse_activate_request(std::string_view body);

} // namespace dsmil::api
