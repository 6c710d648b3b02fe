// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "output.hpp"
#include "text.hpp"
#include "tpm_call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <format>

namespace dsmilctl {
namespace {

using boost::json::object;

constexpr std::string_view all_pcrs = "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23";
constexpr std::size_t digest_bytes = 32;
constexpr std::uint64_t last_pcr = 23;

} // namespace

dsmil::Result<int> run_tpm_pcrs(const Call &call, Output &out) {
    const auto pcrs = parse_pcrs(call.option("LIST").value_or(std::string(all_pcrs)));
    if (!pcrs) {
        return std::unexpected(pcrs.error());
    }
    const auto answer = ask_tpm(call, "pcr/read", {{"pcrs", boost::json::array(pcrs->begin(), pcrs->end())}});
    if (!answer) {
        return std::unexpected(answer.error());
    }
    const auto *given = answer->if_contains("pcrs");
    object values;
    for (const unsigned pcr : *pcrs) {
        const auto value = given != nullptr && given->is_object()
                               ? hex_member(given->get_object(), std::to_string(pcr))
                               : dsmil::fail(dsmil::Code::failed, "the answer of dsmild has no PCRs");
        if (!value) {
            return std::unexpected(value.error());
        }
        values[std::to_string(pcr)] = dsmil::to_hex(*value);
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"bank", "sha256"}, {"pcrs", values}});
        return 0;
    }
    for (const auto &[pcr, value] : values) {
        out.line(std::format("{:>2} {}", std::string_view(pcr), std::string_view(value.get_string())));
    }
    return 0;
}

dsmil::Result<int> run_tpm_extend(const Call &call, Output &out) {
    const auto pcr = parse_number("PCR", call.argument("PCR"), last_pcr);
    const auto digest = parse_hex("DIGEST", call.argument("DIGEST"), digest_bytes, digest_bytes);
    if (!pcr || !digest) {
        return std::unexpected(!pcr ? pcr.error() : digest.error());
    }
    const auto value = ask_tpm(call, "pcr/extend", {{"pcr", *pcr}, {"digest", dsmil::to_hex(*digest)}})
                           .and_then([](const object &answer) { return hex_member(answer, "value"); });
    if (!value) {
        return std::unexpected(value.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"pcr", *pcr}, {"value", dsmil::to_hex(*value)}});
    } else {
        out.line(std::format("{:>2} {}", *pcr, dsmil::to_hex(*value)));
    }
    return 0;
}

} // namespace dsmilctl
