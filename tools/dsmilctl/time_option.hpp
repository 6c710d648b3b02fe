// SPDX-License-Identifier: Apache-2.0
// Times as users type them.
#pragma once

#include <string>

namespace dsmilctl {

// "90s", "30min", "2h" and "7d" are so long ago, as a moment in UTC; everything else stays as it
// is, for who takes days and moments (ledger::parse_time) to judge.
[[nodiscard]] std::string moment(const std::string &text);

} // namespace dsmilctl
