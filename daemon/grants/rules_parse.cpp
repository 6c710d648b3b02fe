// SPDX-License-Identifier: Apache-2.0
#include "config/toml_table.hpp"
#include "grants/rules.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>
#include <format>
#include <linux/dsmil.h>

namespace dsmil::grants {
namespace {

constexpr std::size_t max_rules = 256;
constexpr std::size_t max_approvers = 64;
constexpr std::size_t max_owner = 31; // of the kernel's GRANT_KEY_ADD
constexpr std::string_view daemons_own = "dsmild";

using toml_table::Complaint;
using toml_table::invalid;
using toml_table::take_list;
using toml_table::take_number;
using toml_table::take_tables;
using toml_table::take_text;

struct Place {
    Rules &rules;
    const Surroundings &surroundings;
};

template <typename T>
using Key = toml_table::Key<T, Place>;

std::optional<std::uint32_t> parse_value(std::string_view text) {
    const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
    const auto digits = is_hex ? text.substr(2) : text;
    std::uint32_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
    return error == std::errc{} && end == digits.data() + digits.size() ? std::optional(value) : std::nullopt;
}

Complaint take_range(const std::string &text, Rule &rule) {
    const auto dash = text.find('-');
    const auto low = parse_value(std::string_view(text).substr(0, dash));
    const auto high = dash == std::string::npos ? low : parse_value(std::string_view(text).substr(dash + 1));
    if (!low || !high || *low > *high) {
        return std::format("\"{}\" is no value and no range such as \"0x10-0x1F\"", text);
    }
    rule.values.push_back({*low, *high});
    return std::nullopt;
}

Complaint take_device(const std::string &text, Rule &rule) {
    const auto *device = find_device(text);
    if (device == nullptr) {
        return std::format("there is no device \"{}\"", text);
    }
    if (device->risk == Risk::locked || device->risk == Risk::quarantined) {
        return std::format("{} is {}: no grant opens it", describe_id(device->id), name(device->risk));
    }
    rule.devices.push_back(device->id);
    return std::nullopt;
}

Complaint take_weekday(const std::string &text, Rule &rule) {
    constexpr std::array<std::string_view, 7> days = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    const auto found = std::ranges::find(days, text);
    if (found == days.end()) {
        return std::format("\"{}\" is no day: mon, tue, wed, thu, fri, sat, sun", text);
    }
    rule.weekdays.push_back(static_cast<unsigned>(found - days.begin()));
    return std::nullopt;
}

// "08:00", to 24:00, in minutes.
std::optional<unsigned> parse_time(std::string_view text) {
    const auto digit = [&](std::size_t at) { return static_cast<unsigned>(text[at] - '0'); };
    if (text.size() != 5 || text[2] != ':') {
        return std::nullopt;
    }
    for (const std::size_t at : {0U, 1U, 3U, 4U}) {
        if (digit(at) > 9) {
            return std::nullopt;
        }
    }
    const unsigned hour = 10 * digit(0) + digit(1);
    const unsigned minute = 10 * digit(3) + digit(4);
    if (hour > 24 || minute > 59 || (hour == 24 && minute != 0)) {
        return std::nullopt;
    }
    return 60 * hour + minute;
}

Complaint take_hours(const toml::node &node, Rule &rule) {
    const auto text = node.value_exact<std::string>().value_or("");
    const auto dash = text.find('-');
    const auto from = parse_time(std::string_view(text).substr(0, dash));
    const auto until =
        dash == std::string::npos ? std::nullopt : parse_time(std::string_view(text).substr(dash + 1));
    if (!from || !until || *from == *until || *from == 24 * 60) {
        return "must be such as \"08:00-18:00\", or \"22:00-06:00\" over midnight";
    }
    rule.from_minute = *from;
    rule.until_minute = *until;
    return std::nullopt;
}

Complaint take_key_file(const toml::node &node, Approver &approver, const Surroundings &surroundings) {
    std::string path;
    if (auto complaint = take_text(node, path, 4'095)) {
        return complaint;
    }
    if (!path.starts_with('/')) {
        return "must be an absolute path";
    }
    const auto pem = surroundings.file(path);
    if (!pem) {
        return std::format("{} cannot be read: {}", path, pem.error().detail);
    }
    const auto key = parse_public_key(*pem);
    if (!key) {
        return std::format("{}: {}", path, key.error().detail);
    }
    approver.key = *key;
    return std::nullopt;
}

constexpr std::array approver_keys = {
    Key<Approver>{"name", true,
                  [](const toml::node &n, Approver &a, Place) { return take_text(n, a.name, max_owner); }},
    Key<Approver>{"user", true,
                  [](const toml::node &n, Approver &a, Place p) -> Complaint {
                      std::string user;
                      if (auto complaint = take_text(n, user, 255)) {
                          return complaint;
                      }
                      const auto uid = p.surroundings.user(user);
                      if (!uid) {
                          return std::format("there is no user \"{}\"", user);
                      }
                      a.uid = *uid;
                      return std::nullopt;
                  }},
    Key<Approver>{
        "key", true,
        [](const toml::node &n, Approver &a, Place p) { return take_key_file(n, a, p.surroundings); }},
};

constexpr std::array rule_keys = {
    Key<Rule>{"name", true, [](const toml::node &n, Rule &r, Place) { return take_text(n, r.name, 64); }},
    Key<Rule>{"devices", true,
              [](const toml::node &n, Rule &r, Place) {
                  return take_list(n, [&](const std::string &text) { return take_device(text, r); });
              }},
    Key<Rule>{"registers", true,
              [](const toml::node &n, Rule &r, Place) {
                  return take_list(n, [&](const std::string &text) -> Complaint {
                      const auto reg = find_register(text);
                      if (!reg) {
                          return std::format("there is no register \"{}\"", text);
                      }
                      r.registers.push_back(*reg);
                      return std::nullopt;
                  });
              }},
    Key<Rule>{"values", true,
              [](const toml::node &n, Rule &r, Place) {
                  return take_list(n, [&](const std::string &text) { return take_range(text, r); });
              }},
    Key<Rule>{"mask", false,
              [](const toml::node &n, Rule &r, Place) { return take_number(n, r.mask, 1, 0xFFFFFFFF); }},
    Key<Rule>{"users", false,
              [](const toml::node &n, Rule &r, Place p) {
                  return take_list(n, [&](const std::string &text) -> Complaint {
                      const auto uid = p.surroundings.user(text);
                      if (!uid) {
                          return std::format("there is no user \"{}\"", text);
                      }
                      r.uids.push_back(*uid);
                      return std::nullopt;
                  });
              }},
    Key<Rule>{"groups", false,
              [](const toml::node &n, Rule &r, Place p) {
                  return take_list(n, [&](const std::string &text) -> Complaint {
                      const auto gid = p.surroundings.group(text);
                      if (!gid) {
                          return std::format("there is no group \"{}\"", text);
                      }
                      r.gids.push_back(*gid);
                      return std::nullopt;
                  });
              }},
    Key<Rule>{"days", false,
              [](const toml::node &n, Rule &r, Place) {
                  return take_list(n, [&](const std::string &text) { return take_weekday(text, r); });
              }},
    Key<Rule>{"hours", false, [](const toml::node &n, Rule &r, Place) { return take_hours(n, r); }},
    Key<Rule>{"max_per_day", true,
              [](const toml::node &n, Rule &r, Place) { return take_number(n, r.max_per_day, 1, 4'096); }},
    Key<Rule>{"max_seconds", true,
              [](const toml::node &n, Rule &r, Place) {
                  return take_number(n, r.max_seconds, 1, DSMIL_GRANT_LIFE_MAX_S);
              }},
    Key<Rule>{"approvers", false,
              [](const toml::node &n, Rule &r, Place p) {
                  return take_list(n, [&](const std::string &text) -> Complaint {
                      if (p.rules.approver(text) == nullptr) {
                          return std::format("there is no [[approver]] named \"{}\"", text);
                      }
                      r.approvers.push_back(text);
                      return std::nullopt;
                  });
              }},
};

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

// Names are read by people who decide: two must not look alike.
bool is_plain_name(std::string_view name) {
    return std::ranges::all_of(name, [](unsigned char c) {
        return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-');
    });
}

// The smallest value that has bits of the mask only.
std::optional<std::uint32_t> first_fitting(std::uint32_t low, std::uint32_t mask) {
    const std::uint32_t outside = low & ~mask;
    if (outside == 0) {
        return low;
    }
    const std::uint64_t room = mask & (~std::uint64_t{0} << std::bit_width(outside));
    const std::uint64_t next = (((low & room) | ~room) + 1) & room; // counts in the mask's bits above
    return next != 0 ? std::optional(static_cast<std::uint32_t>(next)) : std::nullopt;
}

// Two keys of one person would make one person of two.
Complaint check_approver(const Place &place, const Approver &approver) {
    if (!is_plain_name(approver.name)) {
        return "an approver's name has letters and digits of ASCII, '.', '_' and '-' only";
    }
    if (approver.uid == 0) {
        return std::format("\"{}\" is root, who is nobody's second person", approver.name);
    }
    if (lower(approver.name) == daemons_own) {
        return std::format("the name \"{}\" is the daemon's own", daemons_own);
    }
    for (const auto &other : place.rules.approvers) {
        if (lower(other.name) == lower(approver.name) || other.uid == approver.uid ||
            other.key == approver.key) {
            return std::format("\"{}\" has the name, the user or the key of \"{}\"", approver.name,
                               other.name);
        }
    }
    return std::nullopt;
}

bool is_guarded(std::uint16_t id) {
    return catalog()[id - DSMIL_DEVICE_ID_BASE].risk == Risk::guarded;
}

Complaint check_rule(const Place &place, const Rule &rule) {
    if (rule.uids.empty() && rule.gids.empty()) {
        return "the rule names no users and no groups";
    }
    if (rule.approvers.empty() && std::ranges::any_of(rule.devices, is_guarded)) {
        return "a guarded device needs approvers: it takes two persons";
    }
    const auto *only = rule.approvers.size() == 1 ? place.rules.approver(rule.approvers.front()) : nullptr;
    if (only != nullptr && rule.gids.empty() &&
        std::ranges::all_of(rule.uids, [&](std::uint32_t uid) { return uid == only->uid; })) {
        return "its only user is its only approver: it takes two persons";
    }
    for (const auto &[low, high] : rule.values) {
        if (const auto first = first_fitting(low, rule.mask); !first || *first > high) {
            return std::format("no value from 0x{:x} to 0x{:x} has bits of the mask 0x{:x} only, so it "
                               "never fits",
                               low, high, rule.mask);
        }
    }
    if (std::ranges::contains(place.rules.rules, rule.name, &Rule::name)) {
        return std::format("there are two rules named \"{}\"", rule.name);
    }
    return std::nullopt;
}

} // namespace

Result<Rules> parse_rules(std::string_view text, const std::string &name, const Surroundings &surroundings) {
    const toml::parse_result parsed = toml::parse(text, name);
    if (!parsed) {
        return invalid(name, parsed.error().source(), parsed.error().description());
    }
    for (const auto &[key, node] : parsed.table()) {
        if (key.str() != "rule" && key.str() != "approver") {
            return invalid(name, key.source(),
                           std::format("there is no {}: only [[rule]] and [[approver]]", key.str()));
        }
    }
    Rules rules;
    const Place place{rules, surroundings};
    // The approvers first: rules name them.
    auto taken = take_tables(name, parsed.table(), "approver", approver_keys, max_approvers, place,
                             rules.approvers, check_approver)
                     .and_then([&] {
                         return take_tables(name, parsed.table(), "rule", rule_keys, max_rules, place,
                                            rules.rules, check_rule);
                     });
    if (!taken) {
        return std::unexpected(std::move(taken.error()));
    }
    return rules;
}

} // namespace dsmil::grants
