// SPDX-License-Identifier: Apache-2.0
// Who may ask for which writes: /etc/dsmil/grants.toml. What no rule allows is denied.
// docs/grants.md documents every key.
#pragma once

#include "dsmil/catalog.hpp"
#include "dsmil/error.hpp"
#include "grants/public_key.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::grants {

// The write that somebody wants to be allowed.
struct Terms {
    std::uint16_t device_id = 0;
    Register reg = Register::status;
    std::uint32_t value = 0;
    std::uint32_t mask = 0xFFFFFFFF; // the bits of value that count
    std::optional<std::uint32_t> old_value;
    std::uint32_t seconds = 0; // how long it shall hold; 0: as long as the rule lets it
    std::string approver;      // who shall sign second; empty: the rule's first
};

// Who wants it, and when.
struct Asker {
    std::uint32_t uid = 0;
    std::vector<std::uint32_t> groups;
    unsigned weekday = 0; // 0: Sunday; of the machine's own time zone
    unsigned minute = 0;  // of the day
};

// A person whose signature is the second one: another than the one who asks.
struct Approver {
    std::string name; // the owner of the key, as it is enrolled in the kernel
    std::uint32_t uid = 0;
    P256Point key{};
};

struct ValueRange {
    std::uint32_t low;
    std::uint32_t high; // inclusive
};

struct Rule {
    std::string name;
    std::vector<std::uint16_t> devices; // ids
    std::vector<Register> registers;
    std::vector<ValueRange> values;
    std::uint32_t mask = 0xFFFFFFFF; // a grant's mask must have all of these bits
    std::vector<std::uint32_t> uids;
    std::vector<std::uint32_t> gids;
    std::vector<unsigned> weekdays; // empty: all
    unsigned from_minute = 0;
    unsigned until_minute = 24 * 60; // exclusive; below from_minute: over midnight, of the day before
    unsigned max_per_day = 0;        // in 24 hours, of all who use the rule
    std::uint32_t max_seconds = 0;   // that a grant may hold
    std::vector<std::string> approvers;
};

struct Rules {
    std::vector<Approver> approvers;
    std::vector<Rule> rules;

    // permission, with what is nearest to it, when no rule allows it. The pointer is
    // into this object.
    [[nodiscard]] Result<const Rule *> find(const Terms &terms, const Asker &asker) const;
    [[nodiscard]] const Approver *approver(std::string_view name) const;
};

// What the rules name that is not in them; tests have their own.
struct Surroundings {
    std::function<std::optional<std::uint32_t>(const std::string &)> user;  // its uid
    std::function<std::optional<std::uint32_t>(const std::string &)> group; // its gid
    std::function<Result<std::string>(const std::string &)> file;           // its content
};
[[nodiscard]] Surroundings system_surroundings();

// config_invalid with the line: no TOML, an unknown key, a missing or wrong value, a user,
// group, device or approver that there is not, a device that nothing can write, a guarded
// device without an approver, a rule that can never fit, or a file that everybody may write.
[[nodiscard]] Result<Rules> parse_rules(std::string_view text, const std::string &name,
                                        const Surroundings &surroundings);
// A file that is not there is no rules: everything is denied.
[[nodiscard]] Result<Rules> read_rules(const std::string &path);

} // namespace dsmil::grants
