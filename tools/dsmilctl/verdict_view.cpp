// SPDX-License-Identifier: Apache-2.0
#include "verdict_view.hpp"

#include <boost/json/array.hpp>
#include <format>

namespace dsmilctl {
namespace {

boost::json::value number_or_null(const auto &number) {
    return number ? boost::json::value(*number) : boost::json::value(nullptr);
}

} // namespace

void add_verdict(const dsmil::attest::Verdict &verdict, boost::json::object &object) {
    boost::json::array findings;
    for (const auto &finding : verdict.findings) {
        findings.push_back({{"check", finding.check},
                            {"pcr", number_or_null(finding.pcr)},
                            {"entry", number_or_null(finding.entry)},
                            {"what", printable(finding.what)},
                            {"remedy", printable(finding.remedy)}});
    }
    object["holds"] = verdict.holds();
    object["findings"] = std::move(findings);
    object["more_findings"] = verdict.more;
}

void print_findings(const dsmil::attest::Verdict &verdict, Output &out) {
    for (const auto &finding : verdict.findings) {
        out.line(printable(std::format("does not hold: {}: {}", finding.check, finding.what)));
        out.line(printable(std::format("  remedy: {}", finding.remedy)));
    }
    if (verdict.more != 0) {
        out.line(std::format("and {} more", verdict.more));
    }
}

int exit_of(const dsmil::attest::Verdict &verdict) {
    return verdict.holds() ? 0 : dsmil::info(dsmil::Code::policy_violated).exit;
}

boost::json::object pcrs_json(const dsmil::attest::Pcrs &pcrs) {
    boost::json::object object;
    for (const auto &[pcr, value] : pcrs) {
        object[std::to_string(pcr)] = dsmil::to_hex(value);
    }
    return object;
}

} // namespace dsmilctl
