// SPDX-License-Identifier: Apache-2.0
// /etc/dsmil/verifier.toml: where the verifier of the fleet is, and as whom this
// machine (or operator) speaks to it. docs/verifierd.md documents every key.
#pragma once

#include "dsmil/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dsmilctl {

struct VerifierConfig {
    struct {
        std::string address; // "host:port"
        std::string certificate = "/etc/dsmil/machine.pem";
        std::string key = "/etc/dsmil/machine.key";
        std::string authorities = "/etc/dsmil/fleet-ca.pem";
    } verifier;
    struct {
        std::string event_log = "/sys/kernel/security/tpm0/binary_bios_measurements";
        std::string ima = "/sys/kernel/security/ima/ascii_runtime_measurements";
    } evidence;
    struct { // verifier serve
        std::string address = "0.0.0.0:8444";
        std::vector<std::string> verifiers; // common names
    } serve;
};

inline constexpr auto default_verifier_config = "/etc/dsmil/verifier.toml";

// config_invalid with the line and the key.
[[nodiscard]] dsmil::Result<VerifierConfig> parse_verifier_config(std::string_view text,
                                                                  const std::string &name);
[[nodiscard]] std::vector<std::string> verifier_config_keys();

} // namespace dsmilctl
