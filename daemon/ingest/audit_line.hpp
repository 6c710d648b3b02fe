// SPDX-License-Identifier: Apache-2.0
// One line of the kernel's audit, as auditd's plugins and the kernel's multicast
// give them. Pure; the bytes may be anybody's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace dsmil::ingest {

inline constexpr std::size_t max_audit_line_bytes = 16'384; // the kernel's are at most 8,970
inline constexpr std::size_t max_audit_fields = 128;

struct AuditLine {
    std::string type;          // "SYSCALL"; a number when its name is not known here
    std::uint64_t time_ms = 0; // CLOCK_REALTIME
    std::uint64_t serial = 0;  // of the event; lines of one event share it
    std::map<std::string, std::string, std::less<>>
        fields; // quotes and hexadecimal undone; the first of a name

    [[nodiscard]] std::string_view field(std::string_view name) const; // empty when it is not there
};

// "type=SYSCALL msg=audit(1700000000.123:42): arch=c000003e ...", with "node=" in front or not. What
// auditd adds for people, behind byte 0x1D, is left out. Nothing when it is no such line.
[[nodiscard]] std::optional<AuditLine> parse_audit_line(std::string_view line);

// The text of a message of the kernel's multicast: "audit(1700000000.123:42): arch=...".
[[nodiscard]] std::optional<AuditLine> parse_audit_message(std::uint16_t type, std::string_view text);

} // namespace dsmil::ingest
