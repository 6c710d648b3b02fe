// SPDX-License-Identifier: Apache-2.0
#include "verifierd/config.hpp"

#include "config/values.hpp"

namespace dsmil::verifierd {
namespace {

using config::take_choice;
using config::take_names;
using config::take_number;
using config::take_path;
using config::take_path_or_nothing;
using config::take_text;

constexpr std::int64_t day_s = 86'400;
constexpr std::size_t max_operators = 256;
constexpr std::uint64_t min_store_bytes = 1 << 20;

std::vector<config::Key> keys(Config &c) {
    using Node = const toml::node &;
    return {
        {"listen", "address", [&c](Node n) { return take_text(n, c.listen.address, false); }},
        {"listen", "port", [&c](Node n) { return take_number(n, c.listen.port, 0, 65'535); }},
        {"tls", "certificate", [&c](Node n) { return take_path(n, c.tls.certificate); }},
        {"tls", "key", [&c](Node n) { return take_path(n, c.tls.key); }},
        {"tls", "authorities", [&c](Node n) { return take_path(n, c.tls.authorities); }},
        {"tls", "revoked", [&c](Node n) { return take_path_or_nothing(n, c.tls.revoked); }},
        {"store", "state_dir", [&c](Node n) { return take_path(n, c.store.state_dir); }},
        {"store", "max_bytes",
         [&c](Node n) { return take_number(n, c.store.max_bytes, 0, std::int64_t{1} << 43U); }},
        {"store", "history", [&c](Node n) { return take_number(n, c.store.history, 1, 10'000); }},
        {"fleet", "machines", [&c](Node n) { return take_path(n, c.fleet.machines); }},
        {"fleet", "roots", [&c](Node n) { return take_names(n, c.fleet.roots); }},
        {"fleet", "operators", [&c](Node n) { return take_names(n, c.fleet.operators, max_operators); }},
        {"attestation", "answer_s",
         [&c](Node n) { return take_number(n, c.attestation.answer_s, 1, 3'600); }},
        {"attestation", "late_s",
         [&c](Node n) { return take_number(n, c.attestation.late_s, 1, 365 * day_s); }},
        {"attestation", "dead_s",
         [&c](Node n) { return take_number(n, c.attestation.dead_s, 1, 365 * day_s); }},
        {"attestation", "max_evidence_bytes",
         [&c](Node n) { return take_number(n, c.attestation.max_evidence_bytes, 65'536, 512 << 20); }},
        {"attestation", "requests_per_minute",
         [&c](Node n) { return take_number(n, c.attestation.requests_per_minute, 1, 600'000); }},
        {"attestation", "issuer", [&c](Node n) { return take_text(n, c.attestation.issuer, false); }},
        {"attestation", "token_key",
         [&c](Node n) { return take_path_or_nothing(n, c.attestation.token_key); }},
        {"pull", "interval_s", [&c](Node n) { return take_number(n, c.pull.interval, 1, day_s); }},
        {"pull", "parallel", [&c](Node n) { return take_number(n, c.pull.parallel, 1, 64); }},
        {"pull", "patience_s", [&c](Node n) { return take_number(n, c.pull.patience, 1, 600); }},
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
    if (parsed.attestation.late_s > parsed.attestation.dead_s) {
        return fail(Code::config_invalid,
                    std::format("{}: attestation.late_s must not be more than attestation.dead_s", name));
    }
    if (parsed.store.max_bytes != 0 && parsed.store.max_bytes < min_store_bytes) {
        return fail(Code::config_invalid,
                    std::format("{}: store.max_bytes must be 0 or at least {}", name, min_store_bytes));
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

} // namespace dsmil::verifierd
