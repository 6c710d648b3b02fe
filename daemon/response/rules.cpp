// SPDX-License-Identifier: Apache-2.0
#include "response/rules.hpp"

#include "base/file.hpp"
#include "config/toml_table.hpp"
#include "dsmil/catalog.hpp"
#include "response/decider.hpp"

#include <format>
#include <ranges>
#include <span>

namespace dsmil::response {
namespace {

constexpr std::size_t max_rules = 64;
constexpr std::size_t max_name = 64;
constexpr std::size_t max_file_bytes = 1 << 20;
constexpr std::uint32_t day_seconds = 86'400;

using toml_table::Complaint;
using toml_table::take_list;
using toml_table::take_number;
using toml_table::take_text;

struct Place {
    Rules &rules;
};
using Key = toml_table::Key<Rule, Place>;

// The word's place among all there are, as a bit.
template <std::size_t N>
Complaint take_word(const std::string &text, std::span<const std::string_view> words, std::bitset<N> &bits) {
    const auto found = std::ranges::find(words, text);
    if (found == words.end()) {
        std::string all;
        for (const auto word : words) {
            all += std::format("{}{}", all.empty() ? "" : ", ", word);
        }
        return std::format("\"{}\" is none of {}", text, all);
    }
    bits.set(static_cast<std::size_t>(found - words.begin()));
    return std::nullopt;
}

Complaint take_device(const std::string &text, Rule &rule) {
    const auto *device = find_device(text);
    if (device == nullptr) {
        return std::format("there is no device \"{}\"", text);
    }
    if (!std::ranges::contains(rule.devices, device->id)) {
        rule.devices.push_back(device->id);
    }
    return std::nullopt;
}

Complaint take_devices(const toml::node &node, Rule &rule) {
    if (node.value_exact<std::string>().value_or("") == "all") {
        for (const auto &device : catalog()) {
            rule.devices.push_back(device.id);
        }
        return std::nullopt;
    }
    return take_list(node, [&](const std::string &text) { return take_device(text, rule); });
}

Complaint take_register(const std::string &text, Rule &rule) {
    const auto reg = find_register(text);
    if (!reg) {
        return std::format("there is no register \"{}\"", text);
    }
    rule.registers.set(static_cast<std::size_t>(*reg));
    return std::nullopt;
}

constexpr std::array rule_keys = {
    Key{"name", true, [](const toml::node &n, Rule &r, Place) { return take_text(n, r.name, max_name); }},
    Key{"devices", true, [](const toml::node &n, Rule &r, Place) { return take_devices(n, r); }},
    Key{"when", true,
        [](const toml::node &n, Rule &r, Place) {
            return take_list(
                n, [&](const std::string &text) { return take_word(text, condition_words, r.when); });
        }},
    Key{"registers", false,
        [](const toml::node &n, Rule &r, Place) {
            r.registers.reset();
            return take_list(n, [&](const std::string &text) { return take_register(text, r); });
        }},
    Key{"at_least", false,
        [](const toml::node &n, Rule &r, Place) { return take_number(n, r.at_least, 1, max_at_least); }},
    Key{"within_seconds", false,
        [](const toml::node &n, Rule &r, Place) { return take_number(n, r.within_seconds, 1, 3'600); }},
    Key{"again_after_seconds", false,
        [](const toml::node &n, Rule &r, Place) {
            return take_number(n, r.again_after_seconds, 60, day_seconds);
        }},
    Key{"do", true,
        [](const toml::node &n, Rule &r, Place) -> Complaint {
            const auto *array = n.as_array();
            if (array != nullptr && array->empty()) { // nothing but the record
                return std::nullopt;
            }
            return take_list(
                n, [&](const std::string &text) { return take_word(text, action_words, r.actions); });
        }},
};

Complaint check_rule(const Place &place, const Rule &rule) {
    if (std::ranges::contains(place.rules, rule.name, &Rule::name)) {
        return std::format("there are two responses named \"{}\"", rule.name);
    }
    return std::nullopt;
}

} // namespace

Result<Rules> parse_rules(std::string_view text, const std::string &name) {
    const toml::parse_result parsed = toml::parse(text, name);
    if (!parsed) {
        return toml_table::invalid(name, parsed.error().source(), parsed.error().description());
    }
    for (const auto &[key, node] : parsed.table()) {
        if (key.str() != "response") {
            return toml_table::invalid(name, key.source(),
                                       std::format("there is no {}: only [[response]]", key.str()));
        }
    }
    Rules rules;
    if (auto taken = toml_table::take_tables(name, parsed.table(), "response", rule_keys, max_rules,
                                             Place{rules}, rules, check_rule);
        !taken) {
        return std::unexpected(std::move(taken.error()));
    }
    return rules;
}

Result<Rules> read_rules(const std::string &path) {
    const auto text = read_file(path, max_file_bytes);
    if (!text && text.error().code == Code::not_found) {
        return Rules{};
    }
    if (!text) {
        Error error = text.error();
        error.code = Code::config_invalid;
        return std::unexpected(std::move(error).in("reading the responses to intrusions"));
    }
    return parse_rules(*text, path);
}

} // namespace dsmil::response
