// SPDX-License-Identifier: Apache-2.0
// /etc/dsmil/verifierd.toml. docs/verifierd.toml documents every key with its default.
#pragma once

#include "base/log.hpp"
#include "dsmil/error.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::verifierd {

struct Config {
    struct {
        std::string address = "0.0.0.0";
        std::uint16_t port = 8443;
    } listen;
    struct {
        std::string certificate = "/etc/dsmil/verifierd.pem";
        std::string key = "/etc/dsmil/verifierd.key";
        std::string authorities = "/etc/dsmil/fleet-ca.pem";
        std::string revoked; // empty: none
    } tls;
    struct {
        std::string state_dir = "/var/lib/dsmil-verifierd";
        std::uint64_t max_bytes = 0;
        std::size_t history = 100;
    } store;
    struct {
        std::string machines = "/etc/dsmil/fleet.toml";
        std::vector<std::string> roots = {"/usr/share/dsmil/tpm-roots.d", "/etc/dsmil/tpm-roots.d"};
        std::vector<std::string> operators;
    } fleet;
    struct {
        std::uint64_t answer_s = 60;
        std::uint64_t late_s = 300;
        std::uint64_t dead_s = 3'600;
        std::uint64_t max_evidence_bytes = 32U << 20U;
        std::uint32_t requests_per_minute = 120;
        std::string issuer = "dsmil-verifierd";
        std::string token_key; // empty: token-key.pem in the state directory
    } attestation;
    struct {
        std::chrono::seconds interval{60};
        std::size_t parallel = 4;
        std::chrono::seconds patience{30};
    } pull;
    struct {
        LogTarget target = LogTarget::automatic;
        LogLevel level = LogLevel::info;
    } log;
};

// config_invalid with the line and the key, as for dsmild.
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::string &name);
[[nodiscard]] Result<Config> read_config(const std::string &path);
[[nodiscard]] std::vector<std::string> config_keys();

} // namespace dsmil::verifierd
