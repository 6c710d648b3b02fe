// SPDX-License-Identifier: Apache-2.0
#include "config/config.hpp"

#include "config/values.hpp"

#include <algorithm>

namespace dsmil {
namespace {

using config::Complaint;
using config::take_choice;
using config::take_flag;
using config::take_names;
using config::take_number;
using config::take_path;
using config::take_path_or_nothing;
using config::take_text;

constexpr std::int64_t pcr_count = 24;
// The owner's range of NV indices (TCG Registry of Reserved TPM 2.0 Handles), and of it the
// daemon's own, where the ledger is anchored.
constexpr std::int64_t first_owner_index = 0x01800000;
constexpr std::int64_t last_owner_index = 0x01BFFFFF;
constexpr std::uint32_t first_own_index = 0x0180D500;
constexpr std::uint32_t last_own_index = 0x0180D5FF;
constexpr std::uint64_t min_ledger_bytes = 1 << 20; // below that not even a day fits
constexpr unsigned min_anchors_per_day = 5;         // a burst of one
constexpr std::size_t max_socket_path = 107;        // sockaddr_un

Complaint take_pcrs(const toml::node &node, std::vector<unsigned> &place) {
    const auto *array = node.as_array();
    std::vector<unsigned> pcrs;
    for (std::size_t i = 0; array != nullptr && i < array->size(); i++) {
        const auto number = array->get(i)->value_exact<std::int64_t>();
        if (number && *number >= 0 && *number < pcr_count && !std::ranges::contains(pcrs, *number)) {
            pcrs.push_back(static_cast<unsigned>(*number));
        }
    }
    if (array == nullptr || pcrs.size() != array->size()) {
        return std::format("must be an array of distinct numbers from 0 to {}", pcr_count - 1);
    }
    place = std::move(pcrs);
    return std::nullopt;
}

// What no key alone shows.
Complaint check_whole(const Config &config) {
    if (config.ledger.max_bytes != 0 && config.ledger.max_bytes < min_ledger_bytes) {
        return std::format("ledger.max_bytes must be 0 or at least {}", min_ledger_bytes);
    }
    if (config.ledger.anchors_per_day != 0 && config.ledger.anchors_per_day < min_anchors_per_day) {
        return std::format("ledger.anchors_per_day must be 0 or at least {}", min_anchors_per_day);
    }
    const auto &limits = config.tpm.limits;
    if (limits.nv_first > limits.nv_last) {
        return "tpm.nv_last must not be before tpm.nv_first";
    }
    if (limits.nv_first <= last_own_index && limits.nv_last >= first_own_index) {
        return std::format("tpm.nv_first to tpm.nv_last must leave 0x{:08X} to 0x{:08X} alone: these are the "
                           "daemon's own",
                           first_own_index, last_own_index);
    }
    return std::nullopt;
}

std::vector<config::Key> keys(Config &c) {
    using Node = const toml::node &;
    return {
        {"ledger", "state_dir", [&c](Node n) { return take_path(n, c.ledger.state_dir, config::max_path); }},
        {"ledger", "origin", [&c](Node n) { return take_text(n, c.ledger.origin, true); }},
        {"ledger", "checkpoint_interval_ms",
         [&c](Node n) { return take_number(n, c.ledger.checkpoint_interval, 1'000, 3'600'000); }},
        {"ledger", "evidence_interval_ms",
         [&c](Node n) { return take_number(n, c.ledger.evidence_interval, 1'000, 86'400'000); }},
        {"ledger", "anchors_per_day",
         [&c](Node n) { return take_number(n, c.ledger.anchors_per_day, 0, 1'000); }},
        {"ledger", "anchor_interval_ms",
         [&c](Node n) { return take_number(n, c.ledger.anchor_interval, 600'000, 86'400'000); }},
        {"ledger", "max_bytes",
         [&c](Node n) { return take_number(n, c.ledger.max_bytes, 0, std::int64_t{1} << 43U); }},
        {"ledger", "reserve_bytes",
         [&c](Node n) { return take_number(n, c.ledger.reserve_bytes, 0, std::int64_t{1} << 30U); }},
        {"ledger", "keep_days", [&c](Node n) { return take_number(n, c.ledger.keep_for, 0, 36'500); }},
        {"ledger", "keep_records",
         [&c](Node n) { return take_number(n, c.ledger.keep_records, 0, std::int64_t{1} << 43U); }},
        {"tpm", "tcti", [&c](Node n) { return take_text(n, c.tpm.tcti, false); }},
        {"tpm", "fallback_key", [&c](Node n) { return take_text(n, c.tpm.fallback_key, true); }},
        {"tpm", "roots", [&c](Node n) { return take_names(n, c.tpm.roots); }},
        {"tpm", "require_certificate", [&c](Node n) { return take_flag(n, c.tpm.require_certificate); }},
        {"tpm", "extend_pcrs", [&c](Node n) { return take_pcrs(n, c.tpm.limits.extend_pcrs); }},
        {"tpm", "nv_first",
         [&c](Node n) { return take_number(n, c.tpm.limits.nv_first, first_owner_index, last_owner_index); }},
        {"tpm", "nv_last",
         [&c](Node n) { return take_number(n, c.tpm.limits.nv_last, first_owner_index, last_owner_index); }},
        {"tpm", "nv_writes_per_day",
         [&c](Node n) { return take_number(n, c.tpm.limits.nv_writes_per_day, 0, 100'000); }},
        {"device", "follow", [&c](Node n) { return take_flag(n, c.device.follow); }},
        {"device", "nodes", [&c](Node n) { return take_path(n, c.device.nodes, config::max_path); }},
        {"ingest", "audit_socket", [&c](Node n) { return take_path_or_nothing(n, c.ingest.audit_socket); }},
        {"sinks", "journald", [&c](Node n) { return take_flag(n, c.sinks.journald); }},
        {"sinks", "syslog", [&c](Node n) { return take_path_or_nothing(n, c.sinks.syslog); }},
        {"sinks", "json_lines", [&c](Node n) { return take_path_or_nothing(n, c.sinks.json_lines); }},
        {"sinks", "loki", [&c](Node n) { return take_text(n, c.sinks.loki, true); }},
        {"sinks", "tiles", [&c](Node n) { return take_path_or_nothing(n, c.sinks.tiles); }},
        {"grants", "rules", [&c](Node n) { return take_path(n, c.grants.rules, config::max_path); }},
        {"response", "rules", [&c](Node n) { return take_path(n, c.response.rules, config::max_path); }},
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
    if (const auto complaint = check_whole(parsed)) {
        return fail(Code::config_invalid, std::format("{}: {}", name, *complaint));
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
