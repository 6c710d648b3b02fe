// SPDX-License-Identifier: Apache-2.0
#include "verifierd/machine.hpp"

#include <algorithm>
#include <array>

namespace dsmil::verifierd {
namespace {

constexpr std::size_t max_name_bytes = 64;
constexpr std::array<std::string_view, 3> outcomes = {"verified", "broken_evidence", "policy_violation"};
constexpr std::array<std::string_view, state_count> states = {"never", "fresh", "late", "dead", "failed"};

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

} // namespace

bool is_machine_name(std::string_view name) {
    return !name.empty() && name.size() <= max_name_bytes && is_alphanumeric(name.front()) &&
           std::ranges::all_of(name,
                               [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

std::string_view name_of(Outcome outcome) {
    return outcomes.at(static_cast<std::size_t>(outcome));
}

std::string_view name_of(State state) {
    return states.at(static_cast<std::size_t>(state));
}

State state_of(const Machine &machine, std::uint64_t now_s, const Ages &ages) {
    if (machine.outcome && *machine.outcome != Outcome::verified) {
        return State::failed;
    }
    if (!machine.attested_s) {
        return State::never;
    }
    const std::uint64_t age = now_s > *machine.attested_s ? now_s - *machine.attested_s : 0;
    return age >= ages.dead_s ? State::dead : age >= ages.late_s ? State::late : State::fresh;
}

} // namespace dsmil::verifierd
