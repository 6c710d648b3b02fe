// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "ledger_answer.hpp"
#include "output.hpp"

#include <format>

namespace dsmilctl {
namespace {

constexpr std::chrono::seconds patience{30};
constexpr std::chrono::seconds tpm_patience{60};

int show(const Call &call, Output &out, boost::json::object answer, const LedgerAnswer &ledger) {
    if (call.json) {
        answer["schema"] = call.command->schema;
        out.object(answer);
        return 0;
    }
    out.table({
        {"ledger", printable(ledger.origin)},
        {"records", std::format("{}, signed up to {}", ledger.size, ledger.signed_size)},
        {"tpm remembers", ledger.anchored_text()},
        {"state", printable(ledger.state + (ledger.detail.empty() ? "" : ": " + ledger.detail))},
        {"wear budget",
         std::format("{} of {} used in 24 hours, {} left now{}; {} made and {} refused since the start",
                     ledger.used, ledger.per_day, ledger.left,
                     ledger.wait_s > 0 ? std::format(" (the next in {} s)", ledger.wait_s) : "", ledger.made,
                     ledger.refused)},
    });
    return 0;
}

dsmil::Result<int> show_answer(const Call &call, Output &out, const dsmil::Result<std::string> &body) {
    auto answer = body.and_then([](const std::string &text) { return decode_object("dsmild", text); });
    const auto ledger = answer.and_then(decode_ledger);
    if (!ledger) {
        return std::unexpected(ledger.error());
    }
    return show(call, out, std::move(*answer), *ledger);
}

} // namespace

dsmil::Result<int> run_audit_status(const Call &call, Output &out) {
    return show_answer(call, out, ApiClient(call.socket).get("/v1/ledger", patience));
}

dsmil::Result<int> run_audit_adopt(const Call &call, Output &out) {
    return show_answer(call, out, ApiClient(call.socket).post("/v1/ledger/adopt", "{}", tpm_patience));
}

} // namespace dsmilctl
