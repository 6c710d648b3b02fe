// SPDX-License-Identifier: Apache-2.0
#include "grants/rules.hpp"

#include "base/closed_file.hpp"

#include <algorithm>
#include <format>
#include <grp.h>
#include <linux/dsmil.h>
#include <pwd.h>
#include <ranges>
#include <unistd.h>

namespace dsmil::grants {
namespace {

constexpr std::size_t max_file_bytes = 1 << 20;

// How well a rule fits, to say of the best one why it does not.
enum class Fit : std::uint8_t { other_device, other_register, other_value, other_user, other_time, fits };

// A night over midnight belongs to the day on which it begins.
bool within(const Rule &rule, const Asker &asker) {
    const bool over_midnight = rule.from_minute > rule.until_minute;
    const bool after_midnight = over_midnight && asker.minute < rule.until_minute;
    const unsigned day = after_midnight ? (asker.weekday + 6) % 7 : asker.weekday;
    if (!rule.weekdays.empty() && !std::ranges::contains(rule.weekdays, day)) {
        return false;
    }
    return after_midnight ||
           (asker.minute >= rule.from_minute && (over_midnight || asker.minute < rule.until_minute));
}

bool names(const Rule &rule, const Asker &asker) {
    return std::ranges::contains(rule.uids, asker.uid) ||
           std::ranges::any_of(asker.groups,
                               [&](std::uint32_t gid) { return std::ranges::contains(rule.gids, gid); });
}

// A mask that leaves bits out opens every value of these bits: the rule says how many may be.
bool allows_value(const Rule &rule, const Terms &terms) {
    return (terms.mask & rule.mask) == rule.mask &&
           std::ranges::any_of(rule.values, [&](const ValueRange &range) {
               const std::uint32_t value = terms.value & rule.mask;
               return value >= range.low && value <= range.high;
           });
}

Fit fit(const Rule &rule, const Terms &terms, const Asker &asker) {
    if (!std::ranges::contains(rule.devices, terms.device_id)) {
        return Fit::other_device;
    }
    if (!std::ranges::contains(rule.registers, terms.reg)) {
        return Fit::other_register;
    }
    if (!allows_value(rule, terms)) {
        return Fit::other_value;
    }
    if (!names(rule, asker)) {
        return Fit::other_user;
    }
    return within(rule, asker) ? Fit::fits : Fit::other_time;
}

std::string why_not(Fit best, const Terms &terms, std::string_view rule) {
    const std::string device = describe_id(terms.device_id);
    switch (best) {
    case Fit::other_device:
        return std::format("no rule names {}", device);
    case Fit::other_register:
        return std::format("no rule for {} names its register {}", device, name(terms.reg));
    case Fit::other_value:
        return std::format("no rule for {} of {} allows the value 0x{:08x} with the mask 0x{:08x}",
                           name(terms.reg), device, terms.value, terms.mask);
    case Fit::other_user:
        return std::format("the rule \"{}\" does not name you or a group of yours", rule);
    case Fit::other_time:
        return std::format("the rule \"{}\" does not allow it at this time", rule);
    case Fit::fits:
        break;
    }
    return {};
}

} // namespace

Result<const Rule *> Rules::find(const Terms &terms, const Asker &asker) const {
    auto best = Fit::other_device;
    const Rule *nearest = nullptr;
    for (const auto &rule : rules) {
        const Fit found = fit(rule, terms, asker);
        if (found == Fit::fits) {
            return &rule;
        }
        if (found > best || nearest == nullptr) {
            best = std::max(best, found);
            nearest = &rule;
        }
    }
    return fail(Code::grant_denied, why_not(best, terms, nearest != nullptr ? nearest->name : ""));
}

const Approver *Rules::approver(std::string_view name) const {
    const auto found = std::ranges::find(approvers, name, &Approver::name);
    return found != approvers.end() ? &*found : nullptr;
}

Surroundings system_surroundings() {
    // Reentrant, with room for any entry that there is: groups have many members.
    constexpr std::size_t room = 1 << 20;
    return {
        .user = [](const std::string &name) -> std::optional<std::uint32_t> {
            std::vector<char> buffer(room);
            passwd entry{};
            passwd *found = nullptr;
            if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
                found == nullptr) {
                return std::nullopt;
            }
            return found->pw_uid;
        },
        .group = [](const std::string &name) -> std::optional<std::uint32_t> {
            std::vector<char> buffer(room);
            group entry{};
            group *found = nullptr;
            if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
                found == nullptr) {
                return std::nullopt;
            }
            return found->gr_gid;
        },
        .file = [](const std::string &path) { return read_closed_file(path, max_file_bytes); },
    };
}

Result<Rules> read_rules(const std::string &path) {
    const auto text = read_closed_file(path, max_file_bytes);
    if (!text && text.error().code == Code::not_found) {
        return Rules{};
    }
    if (!text) {
        Error error = text.error();
        error.code = Code::config_invalid;
        return std::unexpected(std::move(error).in("reading the rules for grants"));
    }
    return parse_rules(*text, path, system_surroundings());
}

} // namespace dsmil::grants
