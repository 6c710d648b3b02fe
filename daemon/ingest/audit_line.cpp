// SPDX-License-Identifier: Apache-2.0
#include "ingest/audit_line.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <linux/audit.h>
#include <utility>

namespace dsmil::ingest {
namespace {

constexpr char enriched = 0x1D;
constexpr std::string_view stamp = "audit(";

constexpr std::array<std::pair<std::uint16_t, std::string_view>, 8> names = {{
    {AUDIT_SYSCALL, "SYSCALL"},
    {AUDIT_PATH, "PATH"},
    {AUDIT_CWD, "CWD"},
    {AUDIT_EXECVE, "EXECVE"},
    {AUDIT_EOE, "EOE"},
    {AUDIT_PROCTITLE, "PROCTITLE"},
    {AUDIT_KERN_MODULE, "KERN_MODULE"},
    {AUDIT_CONFIG_CHANGE, "CONFIG_CHANGE"},
}};

// The kernel writes these as they are, or in hexadecimal when they hold what could forge a field.
constexpr std::array<std::string_view, 7> untrusted = {"comm", "exe",       "name", "key",
                                                       "cwd",  "proctitle", "path"};

template <typename Number>
bool take_number(std::string_view &text, Number &value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) {
        return false;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

bool take(std::string_view &text, std::string_view what) {
    if (!text.starts_with(what)) {
        return false;
    }
    text.remove_prefix(what.size());
    return true;
}

// "audit(SECONDS.MILLISECONDS:SERIAL): "
bool take_stamp(std::string_view &text, AuditLine &line) {
    constexpr std::uint64_t latest_s = 9'214'646'400; // the year 2262, of which nanoseconds fit into 63 bits
    std::uint64_t seconds = 0;
    std::uint64_t milliseconds = 0;
    if (!take(text, stamp) || !take_number(text, seconds) || seconds > latest_s || !take(text, ".") ||
        !take_number(text, milliseconds) || milliseconds > 999 || !take(text, ":") ||
        !take_number(text, line.serial) || !take(text, "):")) {
        return false;
    }
    line.time_ms = seconds * 1000 + milliseconds;
    return true;
}

std::string value_of(std::string_view name, std::string_view raw) {
    if (std::ranges::contains(untrusted, name) && raw != "(null)" && !raw.empty()) {
        if (const auto bytes = from_hex(raw)) {
            std::string text(as_text(*bytes));
            std::ranges::replace(text, '\0', ' '); // between the words of a proctitle
            return text;
        }
    }
    return std::string(raw);
}

void take_fields(std::string_view text, AuditLine &line) {
    while (line.fields.size() < max_audit_fields) {
        const auto begin = text.find_first_not_of(" ,'\n");
        const auto equals = begin == std::string_view::npos ? begin : text.find_first_of("= ", begin);
        if (equals == std::string_view::npos) {
            return;
        }
        if (text[equals] == ' ') { // a word that is no field
            text.remove_prefix(equals);
            continue;
        }
        const std::string name(text.substr(begin, equals - begin));
        text.remove_prefix(equals + 1);
        if (text.starts_with('"')) {
            const auto end = std::min(text.find('"', 1), text.size());
            line.fields.emplace(name, text.substr(1, end - 1));
            text.remove_prefix(std::min(end + 1, text.size()));
            continue;
        }
        if (text.starts_with('\'')) { // fields within a field: msg='op=...'
            text.remove_prefix(1);
            continue;
        }
        const auto end = std::min(text.find_first_of(" \n'"), text.size());
        line.fields.emplace(name, value_of(name, text.substr(0, end)));
        text.remove_prefix(end);
    }
}

std::optional<AuditLine> parse_rest(std::string type, std::string_view text) {
    AuditLine line;
    line.type = std::move(type);
    if (!take_stamp(text, line)) {
        return std::nullopt;
    }
    take_fields(text.substr(0, text.find(enriched)), line);
    return line;
}

} // namespace

std::string_view AuditLine::field(std::string_view name) const {
    const auto found = fields.find(name);
    return found != fields.end() ? std::string_view(found->second) : std::string_view();
}

std::optional<AuditLine> parse_audit_line(std::string_view line) {
    if (line.size() > max_audit_line_bytes) {
        return std::nullopt;
    }
    if (line.starts_with("node=")) {
        line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
    }
    if (!take(line, "type=")) {
        return std::nullopt;
    }
    const auto space = line.find(' ');
    if (space == 0 || space == std::string_view::npos || space > 64) {
        return std::nullopt;
    }
    std::string type(line.substr(0, space));
    line.remove_prefix(space + 1);
    return take(line, "msg=") ? parse_rest(std::move(type), line) : std::nullopt;
}

std::optional<AuditLine> parse_audit_message(std::uint16_t type, std::string_view text) {
    if (text.size() > max_audit_line_bytes) {
        return std::nullopt;
    }
    const auto known = std::ranges::find(names, type, &std::pair<std::uint16_t, std::string_view>::first);
    return parse_rest(known != names.end() ? std::string(known->second) : std::to_string(type), text);
}

} // namespace dsmil::ingest
