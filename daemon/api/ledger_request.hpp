// SPDX-License-Identifier: Apache-2.0
// The body of POST /v1/ledger/prune. The bytes may be hostile.
#pragma once

#include "dsmil/error.hpp"
#include "ledger/retention.hpp"

#include <string_view>

namespace dsmil::api {

// usage, with what is wrong; also when it names no policy.
[[nodiscard]] Result<ledger::Retention> parse_prune_request(std::string_view body);

} // namespace dsmil::api
