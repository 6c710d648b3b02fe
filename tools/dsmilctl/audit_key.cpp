// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "output.hpp"

namespace dsmilctl {

dsmil::Result<int> run_audit_key(const Call &call, Output &out) {
    const auto body = ApiClient(call.socket).get("/v1/ledger/key", std::chrono::seconds(30));
    if (!body) {
        return std::unexpected(body.error());
    }
    const auto key = decode_object("dsmild", *body).and_then([](const boost::json::object &answer) {
        return string_member(answer, "vkey");
    });
    if (!key) {
        return std::unexpected(key.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"vkey", *key}});
    } else {
        out.line(printable(*key));
    }
    return 0;
}

} // namespace dsmilctl
