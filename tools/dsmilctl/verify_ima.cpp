// SPDX-License-Identifier: Apache-2.0
#include "attest/ima.hpp"
#include "attest/pcr_file.hpp"
#include "command.hpp"
#include "output.hpp"
#include "text.hpp"
#include "verdict_view.hpp"
#include "verify_files.hpp"

#include <algorithm>
#include <format>

namespace dsmilctl {
namespace {

namespace attest = dsmil::attest;
using dsmil::Result;

constexpr std::size_t pcr_bytes = 32;

// The value of PCR 10, in one of the two ways to give it.
Result<std::optional<attest::Pcrs>> pcrs_of(const Call &call) {
    if (const auto text = call.option("--pcr10")) {
        return parse_hex("--pcr10", *text, pcr_bytes, pcr_bytes).transform([](dsmil::Bytes &&value) {
            return std::optional(attest::Pcrs{{attest::ima_pcr, std::move(value)}});
        });
    }
    if (!call.has("--pcrs")) {
        return std::optional<attest::Pcrs>{};
    }
    const auto file = read_named(call, "--pcrs");
    if (!file) {
        return std::unexpected(file.error());
    }
    auto pcrs = attest::read_pcr_file(*file, {});
    if (!pcrs) {
        return std::unexpected(
            std::move(pcrs.error()).in(std::format("reading {}", call.argument("--pcrs"))));
    }
    return std::optional(std::move(*pcrs));
}

} // namespace

Result<int> run_verify_ima(const Call &call, Output &out) {
    const auto pcrs = pcrs_of(call);
    if (!pcrs) {
        return std::unexpected(pcrs.error());
    }
    const auto logs = read_logs(call, "", "FILE");
    if (!logs) {
        return std::unexpected(logs.error());
    }
    const auto &read = logs->ima;
    if (!read) {
        return dsmil::fail(dsmil::Code::internal, "there is no list, and nobody said why");
    }
    const auto &list = *read;
    const auto &values = *pcrs;
    const auto verdict = attest::judge({.pcrs = values ? &*values : nullptr,
                                        .log = nullptr,
                                        .ima = &list,
                                        .ak_name = nullptr,
                                        .ek_name = nullptr,
                                        .firmware_version = nullptr},
                                       logs->reference);
    const auto violations = std::ranges::count_if(list, &attest::ImaEntry::violation);
    if (call.json) {
        boost::json::object object{{"schema", call.command->schema},
                                   {"file", call.argument("FILE")},
                                   {"entries", list.size()},
                                   {"violations", violations},
                                   {"quoted", verdict.ima_quoted ? boost::json::value(*verdict.ima_quoted)
                                                                 : boost::json::value(nullptr)}};
        add_verdict(verdict, object);
        out.object(object);
    } else {
        out.line(std::format("{} entries, {} violations", list.size(), violations));
        if (verdict.ima_quoted) {
            out.line(std::format("{} of them lead to the value of PCR 10", *verdict.ima_quoted));
        } else if (!*pcrs) {
            out.line("nothing shows that the list is a TPM's: give the value of PCR 10 (--pcrs, --pcr10)");
        }
        print_findings(verdict, out);
    }
    return exit_of(verdict);
}

} // namespace dsmilctl
