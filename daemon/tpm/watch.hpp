// SPDX-License-Identifier: Apache-2.0
// What shows that a TPM was reset, cleared or exchanged under the running
// system: an attacker who resets it alone can extend its PCRs anew. Inner header
// of tpm/.
#pragma once

#include "dsmil/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dsmil::tpm {

class Tpm;

// Something that a security officer wants to know; it goes to ledger and log.
struct SecurityEvent {
    std::string action; // "tpm_reset" ...
    std::string message;
    std::vector<std::pair<std::string, std::string>> context;
};

struct Mark {
    std::string boot_id;
    std::uint32_t reset_count = 0;   // resets of the TPM: one a boot
    std::uint32_t restart_count = 0; // resumes since then
    std::string null_name;           // empty: the kernel does not tell
    std::uint64_t nv_writes = 0;     // of this daemon in all its lives, for the wear
    bool operator==(const Mark &) const = default;
};

// As it is now. Authenticated by the session.
[[nodiscard]] Result<Mark> read_mark(Tpm &tpm, const std::string &boot_id, const std::string &null_name_path);

// What the difference means. Pure.
[[nodiscard]] std::vector<SecurityEvent> compare(const Mark &before, const Mark &now);

// `state_dir`/tpm-mark. Nothing when there is none; a damaged one is an error.
[[nodiscard]] Result<std::optional<Mark>> load_mark(const std::string &state_dir);
[[nodiscard]] Result<void> save_mark(const std::string &state_dir, const Mark &mark);
// Its text. Pure, for any bytes.
[[nodiscard]] std::string format_mark(const Mark &mark);
[[nodiscard]] Result<Mark> parse_mark(std::string_view text);

} // namespace dsmil::tpm
