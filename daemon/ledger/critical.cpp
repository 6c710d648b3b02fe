// SPDX-License-Identifier: Apache-2.0
#include "ledger/critical.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace dsmil::ledger {
namespace {

constexpr std::array<std::string_view, 2> outcomes = {"lost", "noticed"};
constexpr std::array<std::string_view, 5> actions = {"began_anew", "grant_key_added", "grant_keys_sealed",
                                                     "grant_revoked", "quarantine_added"};

} // namespace

bool is_critical(const Record &record) {
    return std::ranges::contains(outcomes, record.outcome) || std::ranges::contains(actions, record.action) ||
           (record.action == "write" && record.outcome == "refused");
}

} // namespace dsmil::ledger
