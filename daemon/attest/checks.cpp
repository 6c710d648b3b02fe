// SPDX-License-Identifier: Apache-2.0
#include "attest/checks.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>

namespace dsmil::attest {
namespace {

constexpr std::string_view success = "success";
constexpr std::string_view failure = "fail";
constexpr std::string_view not_run = "not-run";

// As QuoteVerifier goes through them.
constexpr std::array<std::string_view, 9> in_order = {"key",  "magic",     "type",   "signature", "nonce",
                                                      "bank", "selection", "values", "clock"};
constexpr std::array<std::string_view, 3> afterwards = {"event-log", "ima", "reference"};

boost::json::value number_or_null(const auto &number) {
    return number ? boost::json::value(*number) : boost::json::value(nullptr);
}

} // namespace

Checks checks_of(const Verdict &verdict, const Compared &compared) {
    const auto when = [](bool run) { return run ? success : not_run; };
    const auto judged = [&](bool run, std::initializer_list<std::string_view> names) {
        const bool failed =
            std::ranges::any_of(names, [&](std::string_view name) { return verdict.failed.contains(name); });
        return failed ? failure : when(run);
    };
    return {
        {"magic", success},
        {"type", success},
        {"signature", success},
        {"nonce", success},
        {"bank", success},
        {"values", success},
        {"selection", when(compared.selection)},
        {"clock", when(compared.clock)},
        {"key", when(compared.key)},
        {"event-log", judged(compared.event_log && !verdict.proven.empty(), {"replay"})},
        {"ima", judged(compared.ima && verdict.ima_quoted.value_or(0) != 0, {"ima", "files"})},
        {"reference",
         judged(compared.reference && verdict.compared, {"pcr", "event", "ak-name", "ek-name", "firmware"})},
    };
}

Checks checks_until(std::string_view failed) {
    Checks checks;
    std::string_view result = success;
    for (const auto name : in_order) {
        if (name == failed) {
            checks.emplace_back(name, failure);
            result = not_run;
        } else {
            checks.emplace_back(name, result);
        }
    }
    for (const auto name : afterwards) {
        checks.emplace_back(name, name == failed ? failure : not_run);
    }
    if (!std::ranges::contains(checks, failed, &Checks::value_type::first)) {
        // A form that cannot be read, for instance: nothing of it holds.
        for (auto &[name, held] : checks) {
            held = not_run;
        }
        checks.emplace_back("form", failure);
    }
    return checks;
}

boost::json::array measres(const Checks &checks) {
    boost::json::array results;
    for (const auto &[name, result] : checks) {
        results.push_back(boost::json::array{name, result});
    }
    // Not in braces: compilers differ in whether these make an array of the array or copy it.
    boost::json::array measured;
    measured.push_back(boost::json::array{"dsmil", std::move(results)});
    return measured;
}

boost::json::object checks_json(const Checks &checks) {
    boost::json::object object;
    for (const auto &[name, result] : checks) {
        object[name] = result;
    }
    return object;
}

boost::json::array findings_json(const Verdict &verdict) {
    boost::json::array findings;
    for (const auto &finding : verdict.findings) {
        findings.push_back({{"check", finding.check},
                            {"pcr", number_or_null(finding.pcr)},
                            {"entry", number_or_null(finding.entry)},
                            {"what", printable(finding.what)},
                            {"remedy", printable(finding.remedy)}});
    }
    return findings;
}

boost::json::object pcrs_json(const Pcrs &pcrs) {
    boost::json::object object;
    for (const auto &[pcr, value] : pcrs) {
        object[std::to_string(pcr)] = to_hex(value);
    }
    return object;
}

} // namespace dsmil::attest
