// SPDX-License-Identifier: Apache-2.0
#include "config/config.hpp"

#include "base/file.hpp"
#include "config/toml.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <functional>
#include <optional>

namespace dsmil {
namespace {

constexpr std::size_t max_file_bytes = 1 << 20;
constexpr std::size_t max_groups = 16;
constexpr std::uint64_t min_ledger_bytes = 1 << 20; // below that not even a day fits

// What is wrong with a value, or nothing.
using Complaint = std::optional<std::string>;

struct Key {
    std::string_view section;
    std::string_view name;
    std::function<Complaint(const toml::node &, Config &)> set;
};

Complaint take_text(const toml::node &node, std::string &place, bool may_be_empty) {
    const auto text = node.value_exact<std::string>();
    if (!text) {
        return "must be a string";
    }
    if (text->empty() && !may_be_empty) {
        return "must not be empty";
    }
    if (text->contains('\0')) {
        return "must not contain a NUL";
    }
    place = *text;
    return std::nullopt;
}

Complaint take_path(const toml::node &node, std::string &place, std::size_t limit) {
    std::string path;
    if (auto complaint = take_text(node, path, false)) {
        return complaint;
    }
    if (!path.starts_with('/')) {
        return "must be an absolute path";
    }
    if (path.size() > limit) {
        return std::format("must have at most {} bytes", limit);
    }
    place = std::move(path);
    return std::nullopt;
}

template <typename T>
Complaint take_number(const toml::node &node, T &place, std::int64_t low, std::int64_t high) {
    const auto number = node.value_exact<std::int64_t>();
    if (!number) {
        return "must be a whole number";
    }
    if (*number < low || *number > high) {
        return std::format("must be from {} to {}", low, high);
    }
    place = T(*number);
    return std::nullopt;
}

Complaint take_flag(const toml::node &node, bool &place) {
    const auto flag = node.value_exact<bool>();
    if (!flag) {
        return "must be true or false";
    }
    place = *flag;
    return std::nullopt;
}

Complaint take_names(const toml::node &node, std::vector<std::string> &place) {
    const auto *array = node.as_array();
    if (array == nullptr || array->size() > max_groups) {
        return std::format("must be an array of at most {} strings", max_groups);
    }
    std::vector<std::string> names;
    for (const auto &item : *array) {
        std::string name;
        if (auto complaint = take_text(item, name, false)) {
            return "must be an array of strings that are not empty";
        }
        names.push_back(std::move(name));
    }
    place = std::move(names);
    return std::nullopt;
}

// One of some words, as the enumerator of the same place.
template <typename T, std::size_t N>
Complaint take_choice(const toml::node &node, T &place, const std::array<std::string_view, N> &words) {
    const auto text = node.value_exact<std::string>();
    const auto found = std::ranges::find(words, text.value_or(""));
    if (found == words.end()) {
        std::string all;
        for (const auto word : words) {
            all += std::format("{}\"{}\"", all.empty() ? "" : ", ", word);
        }
        return "must be one of " + all;
    }
    place = static_cast<T>(found - words.begin());
    return std::nullopt;
}

constexpr std::array<std::string_view, 3> targets = {"auto", "stderr", "journal"};
constexpr std::array<std::string_view, 4> levels = {"debug", "info", "warning", "error"};
constexpr std::size_t max_path = 4'095;
constexpr std::size_t max_socket_path = 107; // sockaddr_un

const std::vector<Key> &keys() {
    using Node = const toml::node &;
    static const std::vector<Key> all = {
        {"ledger", "state_dir", [](Node n, Config &c) { return take_path(n, c.ledger.state_dir, max_path); }},
        {"ledger", "origin", [](Node n, Config &c) { return take_text(n, c.ledger.origin, true); }},
        {"ledger", "checkpoint_interval_ms",
         [](Node n, Config &c) { return take_number(n, c.ledger.checkpoint_interval, 1'000, 3'600'000); }},
        {"ledger", "evidence_interval_ms",
         [](Node n, Config &c) { return take_number(n, c.ledger.evidence_interval, 1'000, 86'400'000); }},
        {"ledger", "max_bytes",
         [](Node n, Config &c) { return take_number(n, c.ledger.max_bytes, 0, std::int64_t{1} << 43U); }},
        {"tpm", "tcti", [](Node n, Config &c) { return take_text(n, c.tpm.tcti, false); }},
        {"tpm", "fallback_key", [](Node n, Config &c) { return take_text(n, c.tpm.fallback_key, true); }},
        {"device", "follow", [](Node n, Config &c) { return take_flag(n, c.device.follow); }},
        {"device", "nodes", [](Node n, Config &c) { return take_path(n, c.device.nodes, max_path); }},
        {"grants", "rules", [](Node n, Config &c) { return take_path(n, c.grants.rules, max_path); }},
        {"api", "socket", [](Node n, Config &c) { return take_path(n, c.api.socket, max_socket_path); }},
        {"api", "group", [](Node n, Config &c) { return take_text(n, c.api.group, true); }},
        {"roles", "reader", [](Node n, Config &c) { return take_names(n, c.roles.reader); }},
        {"roles", "operator", [](Node n, Config &c) { return take_names(n, c.roles.operator_); }},
        {"roles", "approver", [](Node n, Config &c) { return take_names(n, c.roles.approver); }},
        {"roles", "admin", [](Node n, Config &c) { return take_names(n, c.roles.admin); }},
        {"log", "target", [](Node n, Config &c) { return take_choice(n, c.log.target, targets); }},
        {"log", "level", [](Node n, Config &c) { return take_choice(n, c.log.level, levels); }},
    };
    return all;
}

std::unexpected<Error> invalid(const std::string &name, const toml::source_region &where,
                               std::string_view what) {
    return fail(Code::config_invalid, std::format("{}:{}: {}", name, where.begin.line, what));
}

Result<void> take_key(const std::string &name, std::string_view section, const toml::key &key,
                      const toml::node &node, Config &config) {
    const std::string full = std::format("{}.{}", section, key.str());
    const auto known = std::ranges::find_if(keys(), [&](const Key &candidate) {
        return candidate.section == section && candidate.name == key.str();
    });
    if (known == keys().end()) {
        return invalid(name, key.source(), std::format("there is no key {}", full));
    }
    if (const auto complaint = known->set(node, config)) {
        return invalid(name, key.source(), std::format("{} {}", full, *complaint));
    }
    return {};
}

Result<void> take_section(const std::string &name, const toml::key &section, const toml::node &node,
                          Config &config) {
    const auto *table = node.as_table();
    if (std::ranges::find(keys(), section.str(), &Key::section) == keys().end()) {
        return invalid(name, section.source(),
                       std::format("there is no {} {}", table != nullptr ? "section" : "key", section.str()));
    }
    if (table == nullptr) {
        return invalid(name, section.source(), std::format("{} must be a section", section.str()));
    }
    for (const auto &[key, value] : *table) {
        if (auto taken = take_key(name, section.str(), key, value, config); !taken) {
            return taken;
        }
    }
    return {};
}

} // namespace

Result<Config> parse_config(std::string_view text, const std::string &name) {
    const toml::parse_result parsed = toml::parse(text, name);
    if (!parsed) {
        return invalid(name, parsed.error().source(), parsed.error().description());
    }
    Config config;
    for (const auto &[section, node] : parsed.table()) {
        if (auto taken = take_section(name, section, node, config); !taken) {
            return std::unexpected(std::move(taken.error()));
        }
    }
    if (config.ledger.max_bytes != 0 && config.ledger.max_bytes < min_ledger_bytes) {
        return fail(Code::config_invalid,
                    std::format("{}: ledger.max_bytes must be 0 or at least {}", name, min_ledger_bytes));
    }
    return config;
}

Result<Config> read_config(const std::string &path) {
    const auto text = read_file(path, max_file_bytes);
    if (!text) {
        Error error = text.error();
        error.code = Code::config_invalid;
        return std::unexpected(std::move(error).in("reading the configuration"));
    }
    return parse_config(*text, path);
}

std::vector<std::string> config_keys() {
    std::vector<std::string> names;
    for (const auto &key : keys()) {
        names.push_back(std::format("{}.{}", key.section, key.name));
    }
    return names;
}

} // namespace dsmil
