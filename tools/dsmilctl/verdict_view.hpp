// SPDX-License-Identifier: Apache-2.0
// Verdicts as JSON and as text.
#pragma once

#include "attest/verdict.hpp"
#include "output.hpp"

#include <boost/json/object.hpp>

namespace dsmilctl {

// Adds holds, findings and more_findings.
void add_verdict(const dsmil::attest::Verdict &verdict, boost::json::object &object);
// A line a finding, and one with its remedy.
void print_findings(const dsmil::attest::Verdict &verdict, Output &out);
// 0, or the exit code of policy_violated.
[[nodiscard]] int exit_of(const dsmil::attest::Verdict &verdict);

} // namespace dsmilctl
