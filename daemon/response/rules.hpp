// SPDX-License-Identifier: Apache-2.0
// What is done when a device shows an intrusion: /etc/dsmil/responses.toml. docs/tpm.md
// documents every key. Without the file nothing is done: the ledger has what happened.
#pragma once

#include "dsmil/error.hpp"

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::response {

// What shows an intrusion, as records of the ledger have it.
enum class Condition : std::uint8_t {
    register_changed, // a sweep read another value than before
    write_refused,    // by the guard
    firmware_failed,  // a read or a write
    grant_denied,     // somebody asked for a write that no rule allows
    tpm_event,        // docs/tpm.md, security events; of no device, so of each that the rule names
};
inline constexpr std::array<std::string_view, 5> condition_words = {
    "register_changed", "write_refused", "firmware_failed", "grant_denied", "tpm_event"};

// What is done, beside the record "intrusion", which is always made.
enum class Action : std::uint8_t {
    sign,          // the record's words, with the device's key
    critical,      // an error of the log, not a warning
    revoke_grants, // those of the device that are not given out yet
    deny_grants,   // new ones of the device, until an admin clears it
    quarantine,    // by the root unit dsmil-quarantine-now; for good while the module is loaded
};
inline constexpr std::array<std::string_view, 5> action_words = {"sign", "critical", "revoke_grants",
                                                                 "deny_grants", "quarantine"};

struct Rule {
    std::string name;
    std::vector<std::uint16_t> devices;                // ids
    std::bitset<condition_words.size()> when;          // by Condition
    std::bitset<3> registers = std::bitset<3>{}.set(); // that count, where it is about a register
    std::uint32_t at_least = 1;                        // so many ...
    std::uint32_t within_seconds = 60;                 // ... in so long
    std::uint32_t again_after_seconds = 3'600;         // before the rule acts on the device once more
    std::bitset<action_words.size()> actions;          // by Action

    [[nodiscard]] bool does(Action action) const { return actions.test(static_cast<std::size_t>(action)); }
};
using Rules = std::vector<Rule>;

// config_invalid with the line: no TOML, an unknown key, a missing or wrong value.
[[nodiscard]] Result<Rules> parse_rules(std::string_view text, const std::string &name);
// A file that is not there is no rules.
[[nodiscard]] Result<Rules> read_rules(const std::string &path);

} // namespace dsmil::response
