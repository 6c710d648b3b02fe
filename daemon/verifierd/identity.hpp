// SPDX-License-Identifier: Apache-2.0
// What dsmild says of its keys (GET /v1/identity), and what a verifier takes of it.
// The bytes may be hostile.
#pragma once

#include "dsmil/error.hpp"

#include <string>
#include <string_view>

namespace dsmil::verifierd {

struct IdentityChoice {
    std::string ek_type;   // "ecc-p256", as POST /v1/identity/activate takes it
    std::string enrolment; // the body of POST /v1/enrolments
};

// The first EK with a certificate, else the first. malformed for what is no identity, not_found
// for one without an EK.
[[nodiscard]] Result<IdentityChoice> choose_identity(std::string_view body);

} // namespace dsmil::verifierd
