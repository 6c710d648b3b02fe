// SPDX-License-Identifier: Apache-2.0
// What dsmild says of a grant, decoded. Pure, bounded, and for any bytes.
#pragma once

#include "dsmil/error.hpp"

#include <boost/json/object.hpp>
#include <linux/dsmil.h>
#include <string>
#include <string_view>
#include <vector>

namespace dsmilctl {

// The write is that of the message, which is what gets signed: what dsmild says beside it
// is not believed.
struct GrantView {
    std::string id;
    std::string state; // "waiting" ...
    std::string rule;
    std::string approver; // empty: none is needed
    std::string message;
    dsmil_grant_body body{}; // of the message
    std::string grant;       // as the kernel takes it; only of one that was issued
};

[[nodiscard]] dsmil::Result<GrantView> decode_grant(const boost::json::object &answer);
[[nodiscard]] dsmil::Result<GrantView> decode_grant(std::string_view body);
[[nodiscard]] dsmil::Result<std::vector<GrantView>> decode_grants(std::string_view body);

// As the commands print it with --json.
[[nodiscard]] boost::json::object to_json(const GrantView &view);

} // namespace dsmilctl
