// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <string_view>
#include <vector>

namespace dsmil::api {

struct AttestRequest {
    Bytes nonce;                // 8 .. 32 bytes
    std::vector<unsigned> pcrs; // ascending, distinct; 0 .. 15 when not said
};

// usage with what is wrong.
[[nodiscard]] Result<AttestRequest> parse_attest_request(std::string_view body);

} // namespace dsmil::api
