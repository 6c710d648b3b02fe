// SPDX-License-Identifier: Apache-2.0
#include "attest/event_log.hpp"
#include "attest/pcr_file.hpp"
#include "command.hpp"
#include "output.hpp"
#include "verdict_view.hpp"
#include "verify_files.hpp"

#include <boost/json/array.hpp>
#include <format>

namespace dsmilctl {
namespace {

namespace attest = dsmil::attest;
using dsmil::Code;
using dsmil::Result;

struct Judged {
    dsmil::Bytes bytes;
    attest::EventLog log;
    std::optional<attest::Pcrs> pcrs;
    attest::Verdict verdict;
};

Result<Judged> judge(const Call &call) {
    const auto bank = hash_option(call, "--bank");
    if (!bank) {
        return std::unexpected(bank.error());
    }
    if (*bank != attest::HashAlg::sha256 && (call.has("--pcrs") || call.has("--policy"))) {
        return dsmil::fail(Code::usage, "PCR values and reference values are those of the bank sha256");
    }
    const auto logs = read_logs(call, "", ""); // the reference
    if (!logs) {
        return std::unexpected(logs.error());
    }
    Judged judged;
    auto bytes = read_named(call, "FILE", attest::max_log_bytes);
    if (!bytes) {
        return std::unexpected(std::move(bytes.error()));
    }
    judged.bytes = std::move(*bytes);
    auto log = attest::parse_event_log(judged.bytes, *bank);
    if (!log) {
        return std::unexpected(std::move(log.error()).in(std::format("reading {}", call.argument("FILE"))));
    }
    judged.log = std::move(*log);
    if (call.has("--pcrs")) {
        const auto file = read_named(call, "--pcrs");
        auto pcrs =
            file ? attest::read_pcr_file(*file, {}) : Result<attest::Pcrs>(std::unexpected(file.error()));
        if (!pcrs) {
            return std::unexpected(
                std::move(pcrs.error()).in(std::format("reading {}", call.argument("--pcrs"))));
        }
        judged.pcrs = std::move(*pcrs);
    }
    judged.verdict = attest::judge({.pcrs = judged.pcrs ? &*judged.pcrs : nullptr,
                                    .log = &judged.log,
                                    .ima = nullptr,
                                    .ak_name = nullptr,
                                    .ek_name = nullptr,
                                    .firmware_version = nullptr},
                                   logs->reference);
    return judged;
}

boost::json::object json_of(const Call &call, const Judged &judged) {
    boost::json::array events;
    for (const auto &event : judged.log.events) {
        events.push_back({{"number", event.number},
                          {"pcr", event.pcr},
                          {"type", attest::event_type_name(event.type)},
                          {"digest", dsmil::to_hex(event.digest)},
                          {"extended", event.extended},
                          {"covered", event.covered},
                          {"text", attest::describe(event)}});
    }
    boost::json::object pcrs;
    for (const auto &[pcr, value] : attest::replay(judged.log)) {
        pcrs[std::to_string(pcr)] = dsmil::to_hex(value.view());
    }
    const auto &proven = judged.verdict.proven;
    boost::json::object object{{"schema", call.command->schema},
                               {"file", call.argument("FILE")},
                               {"bank", attest::name_of(judged.log.bank)},
                               {"crypto_agile", judged.log.crypto_agile},
                               {"startup_locality", judged.log.startup_locality},
                               {"events", std::move(events)},
                               {"pcrs", std::move(pcrs)},
                               {"proven_pcrs", boost::json::array(proven.begin(), proven.end())}};
    add_verdict(judged.verdict, object);
    return object;
}

void print_text(const Judged &judged, Output &out) {
    std::vector<std::vector<std::string>> rows = {{"EVENT", "PCR", "TYPE", "WHAT"}};
    for (const auto &event : judged.log.events) {
        rows.push_back({std::to_string(event.number), std::to_string(event.pcr),
                        std::string(attest::event_type_name(event.type)), attest::describe(event)});
    }
    out.table(rows);
    for (const auto &[pcr, value] : attest::replay(judged.log)) {
        out.line(std::format("pcr {} leads to {}{}", pcr, dsmil::to_hex(value.view()),
                             judged.verdict.proven.contains(pcr) ? ", as the TPM has it" : ""));
    }
    print_findings(judged.verdict, out);
}

} // namespace

Result<int> run_verify_eventlog(const Call &call, Output &out) {
    const auto judged = judge(call);
    if (!judged) {
        return std::unexpected(judged.error());
    }
    if (call.json) {
        out.object(json_of(call, *judged));
    } else {
        print_text(*judged, out);
    }
    return exit_of(judged->verdict);
}

} // namespace dsmilctl
