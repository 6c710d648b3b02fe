// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "ledger/verify.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>

namespace dsmilctl {
namespace {

constexpr std::size_t max_key_bytes = 4096;
constexpr std::size_t max_checkpoint_bytes = 65536;

dsmil::Result<dsmil::ledger::VerifyReport> verify(const Call &call) {
    const auto key = read_file(call.argument("--key"), max_key_bytes);
    if (!key) {
        return std::unexpected(key.error());
    }
    dsmil::ledger::VerifyOptions options;
    options.require_fresh = call.has("--require-fresh");
    if (const auto held_file = call.option("--checkpoint")) {
        auto held = read_file(*held_file, max_checkpoint_bytes);
        if (!held) {
            return std::unexpected(std::move(held.error()));
        }
        options.held_checkpoint = std::move(*held);
    }
    return dsmil::ledger::verify_file(call.argument("FILE"), *key, options);
}

} // namespace

dsmil::Result<int> run_audit_verify(const Call &call, Output &out) {
    const auto report = verify(call);
    if (!report) {
        return std::unexpected(report.error());
    }
    if (call.json) {
        boost::json::array notes(report->notes.begin(), report->notes.end());
        out.object(
            {{"schema", call.command->schema},
             {"file", call.argument("FILE")},
             {"origin", report->origin},
             {"size", report->size},
             {"root", dsmil::to_hex(report->root)},
             {"checkpoints", report->checkpoints},
             {"newest", report->size != 0 ? boost::json::value(utc(report->newest_realtime_ns)) : nullptr},
             {"fresh", false}, // A file alone never shows it.
             {"text", printable(report->text())},
             {"notes", std::move(notes)}});
        return 0;
    }
    out.line(printable(call.argument("FILE") + ": " + report->text()));
    for (const auto &note : report->notes) {
        out.line(printable(note));
    }
    return 0;
}

} // namespace dsmilctl
