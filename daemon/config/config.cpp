// SPDX-License-Identifier: Apache-2.0
#include "config/config.hpp"

#include "config/values.hpp"

namespace dsmil {
namespace {

using config::take_choice;
using config::take_flag;
using config::take_names;
using config::take_number;
using config::take_path;
using config::take_text;

constexpr std::uint64_t min_ledger_bytes = 1 << 20; // below that not even a day fits
constexpr std::size_t max_socket_path = 107;        // sockaddr_un

std::vector<config::Key> keys(Config &c) {
    using Node = const toml::node &;
    return {
        {"ledger", "state_dir", [&c](Node n) { return take_path(n, c.ledger.state_dir, config::max_path); }},
        {"ledger", "origin", [&c](Node n) { return take_text(n, c.ledger.origin, true); }},
        {"ledger", "checkpoint_interval_ms",
         [&c](Node n) { return take_number(n, c.ledger.checkpoint_interval, 1'000, 3'600'000); }},
        {"ledger", "max_bytes",
         [&c](Node n) { return take_number(n, c.ledger.max_bytes, 0, std::int64_t{1} << 43U); }},
        {"tpm", "tcti", [&c](Node n) { return take_text(n, c.tpm.tcti, false); }},
        {"tpm", "fallback_key", [&c](Node n) { return take_text(n, c.tpm.fallback_key, true); }},
        {"tpm", "roots", [&c](Node n) { return take_names(n, c.tpm.roots); }},
        {"tpm", "require_certificate", [&c](Node n) { return take_flag(n, c.tpm.require_certificate); }},
        {"device", "follow", [&c](Node n) { return take_flag(n, c.device.follow); }},
        {"device", "nodes", [&c](Node n) { return take_path(n, c.device.nodes, config::max_path); }},
        {"grants", "rules", [&c](Node n) { return take_path(n, c.grants.rules, config::max_path); }},
        {"api", "socket", [&c](Node n) { return take_path(n, c.api.socket, max_socket_path); }},
        {"api", "group", [&c](Node n) { return take_text(n, c.api.group, true); }},
        {"roles", "reader", [&c](Node n) { return take_names(n, c.roles.reader); }},
        {"roles", "operator", [&c](Node n) { return take_names(n, c.roles.operator_); }},
        {"roles", "approver", [&c](Node n) { return take_names(n, c.roles.approver); }},
        {"roles", "admin", [&c](Node n) { return take_names(n, c.roles.admin); }},
        {"log", "target", [&c](Node n) { return take_choice(n, c.log.target, config::log_targets); }},
        {"log", "level", [&c](Node n) { return take_choice(n, c.log.level, config::log_levels); }},
    };
}

} // namespace

Result<Config> parse_config(std::string_view text, const std::string &name) {
    Config parsed;
    if (auto taken = config::take_keys(text, name, keys(parsed)); !taken) {
        return std::unexpected(std::move(taken.error()));
    }
    if (parsed.ledger.max_bytes != 0 && parsed.ledger.max_bytes < min_ledger_bytes) {
        return fail(Code::config_invalid,
                    std::format("{}: ledger.max_bytes must be 0 or at least {}", name, min_ledger_bytes));
    }
    return parsed;
}

Result<Config> read_config(const std::string &path) {
    const auto text = config::read_text(path);
    if (!text) {
        return std::unexpected(text.error());
    }
    return parse_config(*text, path);
}

std::vector<std::string> config_keys() {
    Config defaults;
    return config::names_of(keys(defaults));
}

} // namespace dsmil
