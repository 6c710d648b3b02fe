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
    const auto answer = decode_object("dsmild", *body);
    const auto key =
        answer.and_then([](const boost::json::object &object) { return string_member(object, "vkey"); });
    if (!key) {
        return std::unexpected(key.error());
    }
    const auto *second = answer->if_contains("cosigner_vkey");
    const bool cosigned = second != nullptr && second->is_string();
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"vkey", *key},
                    {"cosigner_vkey", cosigned ? *second : boost::json::value()}});
        return 0;
    }
    out.line(printable(*key));
    if (cosigned) {
        out.line(printable(second->get_string()));
    }
    return 0;
}

} // namespace dsmilctl
