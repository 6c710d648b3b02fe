// SPDX-License-Identifier: Apache-2.0
// The checks of dsmilctl doctor. They look and change nothing. All paths of
// the system hang from one root, so that tests can show them another machine.
#pragma once

#include "dsmil/client.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dsmilctl {

enum class State : std::uint8_t { ok, warn, fail };

struct Check {
    std::string name; // stable: "kernel-headers"
    State state;
    std::string text;
    std::string remedy; // what mends it; empty when ok
};

// Where to look, and what was found out once for all checks.
struct Machine {
    std::string root;    // "" in life
    std::string release; // of the running kernel
    dsmil::Paths paths;
    std::string socket;
    dsmil::Result<dsmil_info> info = dsmil::fail(dsmil::Code::module_missing, "");

    [[nodiscard]] static Machine look(dsmil::Paths paths, std::string socket, std::string root = "");
    [[nodiscard]] bool exists(const std::string &path) const;
    // The first line of a small file; nothing if it cannot be read or is empty.
    [[nodiscard]] std::optional<std::string> line_of(const std::string &path) const;
    [[nodiscard]] bool loaded(const std::string &module) const { return exists("/sys/module/" + module); }
};

// doctor_kernel.cpp
[[nodiscard]] Check check_headers(const Machine &machine);
[[nodiscard]] Check check_installed(const Machine &machine);
[[nodiscard]] Check check_loaded(const Machine &machine);
[[nodiscard]] Check check_version(const Machine &machine);
[[nodiscard]] Check check_secure_boot(const Machine &machine);
[[nodiscard]] Check check_firmware(const Machine &machine);
[[nodiscard]] Check check_dell_smbios(const Machine &machine);
[[nodiscard]] Check check_devices(const Machine &machine);
[[nodiscard]] Check check_nodes(const Machine &machine);
[[nodiscard]] Check check_audit_ring(const Machine &machine);

// doctor_system.cpp
[[nodiscard]] Check check_tpm(const Machine &machine);
[[nodiscard]] Check check_tpm_access(const Machine &machine);
[[nodiscard]] Check check_clock(const Machine &machine);
[[nodiscard]] Check check_daemon(const Machine &machine);
[[nodiscard]] Check check_tpm_origin(const Machine &machine);
[[nodiscard]] Check check_ledger(const Machine &machine);
[[nodiscard]] Check check_anchors(const Machine &machine);

} // namespace dsmilctl
