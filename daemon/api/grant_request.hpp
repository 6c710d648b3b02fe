// SPDX-License-Identifier: Apache-2.0
// What the bodies of the operations on grants hold.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"
#include "grants/rules.hpp"

#include <string>
#include <string_view>

namespace dsmil::api {

// usage with what is wrong; device_unknown, register_unknown.
[[nodiscard]] Result<grants::Terms> parse_grant_request(std::string_view body);

struct GrantCall {
    std::string id;
    std::string signature; // DER; only of an approval
};
enum class WithSignature : bool { no, yes };
[[nodiscard]] Result<GrantCall> parse_grant_call(std::string_view body, WithSignature with);

} // namespace dsmil::api
