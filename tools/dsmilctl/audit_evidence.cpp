// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "ledger/tpm_evidence.hpp"
#include "nonce.hpp"
#include "output.hpp"

#include <boost/json/serialize.hpp>

namespace dsmilctl {

// What is printed is the file that audit verify takes, with --json or without.
dsmil::Result<int> run_audit_evidence(const Call &call, Output &out) {
    constexpr std::chrono::seconds patience{60};
    const auto nonce = nonce_of(call);
    if (!nonce) {
        return std::unexpected(nonce.error());
    }
    const boost::json::object question = {{"nonce", dsmil::to_hex(*nonce)}};
    const auto answer =
        ApiClient(call.socket).post("/v1/ledger/evidence", boost::json::serialize(question), patience);
    const auto evidence =
        answer.and_then([](const std::string &text) { return dsmil::ledger::parse_evidence(text); });
    if (!evidence) {
        return std::unexpected(evidence.error());
    }
    out.object(dsmil::ledger::evidence_json(*evidence));
    return 0;
}

} // namespace dsmilctl
