// SPDX-License-Identifier: Apache-2.0
#include "verifier_config.hpp"

#include "config/values.hpp"

namespace dsmilctl {
namespace {

using dsmil::config::take_names;
using dsmil::config::take_path;
using dsmil::config::take_text;

std::vector<dsmil::config::Key> keys(VerifierConfig &c) {
    using Node = const toml::node &;
    return {
        {"verifier", "address", [&c](Node n) { return take_text(n, c.verifier.address, false); }},
        {"verifier", "certificate", [&c](Node n) { return take_path(n, c.verifier.certificate); }},
        {"verifier", "key", [&c](Node n) { return take_path(n, c.verifier.key); }},
        {"verifier", "authorities", [&c](Node n) { return take_path(n, c.verifier.authorities); }},
        {"evidence", "event_log", [&c](Node n) { return take_path(n, c.evidence.event_log); }},
        {"evidence", "ima", [&c](Node n) { return take_path(n, c.evidence.ima); }},
        {"serve", "address", [&c](Node n) { return take_text(n, c.serve.address, false); }},
        {"serve", "verifiers", [&c](Node n) { return take_names(n, c.serve.verifiers); }},
    };
}

} // namespace

dsmil::Result<VerifierConfig> parse_verifier_config(std::string_view text, const std::string &name) {
    VerifierConfig parsed;
    if (auto taken = dsmil::config::take_keys(text, name, keys(parsed)); !taken) {
        return std::unexpected(std::move(taken.error()));
    }
    return parsed;
}

std::vector<std::string> verifier_config_keys() {
    VerifierConfig defaults;
    return dsmil::config::names_of(keys(defaults));
}

} // namespace dsmilctl
