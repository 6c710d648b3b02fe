// SPDX-License-Identifier: Apache-2.0
#include "verdict_view.hpp"

#include "attest/checks.hpp"

#include <format>

namespace dsmilctl {
void add_verdict(const dsmil::attest::Verdict &verdict, boost::json::object &object) {
    object["holds"] = verdict.holds();
    object["findings"] = dsmil::attest::findings_json(verdict);
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

} // namespace dsmilctl
