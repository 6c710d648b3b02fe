// SPDX-License-Identifier: Apache-2.0
// /etc/dsmil/dsmild.toml. docs/dsmild.toml documents every key with its default.
#pragma once

#include "base/log.hpp"
#include "dsmil/error.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil {

// What callers of the API may touch of the TPM.
struct TpmLimits {
    std::vector<unsigned> extend_pcrs = {16, 23};
    std::uint32_t nv_first = 0x01801000; // of the owner's range
    std::uint32_t nv_last = 0x018010FF;
    std::uint32_t nv_writes_per_day = 1'000;
};

struct Config {
    struct {
        std::string state_dir = "/var/lib/dsmil";
        std::string origin; // empty: "<host name>/dsmil" for a new ledger
        std::chrono::milliseconds checkpoint_interval{1'000};
        std::chrono::milliseconds evidence_interval{60'000};
        unsigned anchors_per_day = 150;
        std::chrono::milliseconds anchor_interval{600'000};
        std::uint64_t max_bytes = 0;
        std::uint64_t reserve_bytes = 4U << 20U;
        std::chrono::days keep_for{0};  // 0: everything is kept
        std::uint64_t keep_records = 0; // the same
    } ledger;
    struct {
        std::string tcti = "device:/dev/tpmrm0";
        std::string fallback_key; // empty: without a TPM nothing is signed
        std::vector<std::string> roots = {"/usr/share/dsmil/tpm-roots.d", "/etc/dsmil/tpm-roots.d"};
        bool require_certificate = false;
        TpmLimits limits;
    } tpm;
    struct {
        bool follow = true;
        std::string nodes = "/dev/dsmil";
    } device;
    struct {
        std::string audit_socket; // empty: none
    } ingest;
    struct { // empty, or false: there is none of the kind
        bool journald = false;
        std::string syslog;
        std::string json_lines;
        std::string loki;
        std::string tiles;
    } sinks;
    struct {
        std::string rules = "/etc/dsmil/grants.toml"; // no file: every grant is denied
    } grants;
    struct {
        std::string rules = "/etc/dsmil/responses.toml"; // no file: no responses
    } response;
    struct {
        std::string socket = "/run/dsmil/dsmild.sock";
        std::string group = "dsmil";
    } api;
    struct { // the groups whose members have a role
        std::vector<std::string> reader = {"dsmil"};
        std::vector<std::string> operator_ = {"dsmil-operator"};
        std::vector<std::string> approver = {"dsmil-approver"};
        std::vector<std::string> admin = {"dsmil-admin"};
    } roles;
    struct {
        LogTarget target = LogTarget::automatic;
        LogLevel level = LogLevel::info;
    } log;
};

// config_invalid with the line and the key: no TOML, a key that nobody knows, a
// value of the wrong type or out of its range. What is not there has its default.
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::string &name);
[[nodiscard]] Result<Config> read_config(const std::string &path);

// "ledger.origin" ...: every key there is, for the test of the documentation.
[[nodiscard]] std::vector<std::string> config_keys();

} // namespace dsmil
