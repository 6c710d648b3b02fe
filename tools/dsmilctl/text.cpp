// SPDX-License-Identifier: Apache-2.0
#include "text.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <format>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::fail;
using dsmil::Result;

constexpr std::uint64_t last_pcr = 23;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_any_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

} // namespace

Result<std::uint64_t> parse_number(std::string_view what, std::string_view text, std::uint64_t limit) {
    const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
    const auto digits = is_hex ? text.substr(2) : text;
    std::uint64_t value = 0;
    const auto *const end = digits.data() + digits.size();
    const auto [at, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
    if (error == std::errc::result_out_of_range || (error == std::errc{} && at == end && value > limit)) {
        return fail(Code::usage, std::format("{} {} is larger than {} (0x{:X})", what, text, limit, limit));
    }
    if (error != std::errc{} || at != end) {
        return fail(Code::usage,
                    std::format("{} '{}' is no number; use decimal or 0x hexadecimal", what, text));
    }
    return value;
}

Result<const dsmil::CatalogDevice *> parse_device(std::string_view text) {
    const auto *device = dsmil::find_device(text);
    if (device == nullptr) {
        return fail(Code::device_unknown, std::format("'{}' is no id, number or name of a device", text));
    }
    return device;
}

Result<dsmil::Register> parse_register(std::string_view text) {
    const auto reg = dsmil::find_register(text);
    if (!reg) {
        return fail(Code::register_unknown, std::format("'{}'", text));
    }
    return *reg;
}

Result<dsmil::Risk> parse_risk(std::string_view text) {
    for (int i = 0; i <= static_cast<int>(dsmil::Risk::quarantined); i++) {
        const auto risk = static_cast<dsmil::Risk>(i);
        if (same_any_case(text, dsmil::name(risk))) {
            return risk;
        }
    }
    return fail(
        Code::usage,
        std::format("'{}' is no risk; they are safe, monitored, guarded, locked and quarantined", text));
}

Result<std::uint16_t> parse_group(std::string_view text) {
    for (const auto &device : dsmil::catalog()) {
        if (same_any_case(text, device.group_name) || text == std::to_string(device.group)) {
            return device.group;
        }
    }
    std::string groups;
    for (const auto &device : dsmil::catalog()) {
        const auto entry = std::format(" {} ({})", device.group, device.group_name);
        groups += groups.ends_with(entry) ? "" : entry;
    }
    return fail(Code::usage, std::format("'{}' is no group; they are{}", text, groups));
}

Result<dsmil::Bytes> parse_hex(std::string_view what, std::string_view text, std::size_t min,
                               std::size_t max) {
    auto bytes = dsmil::from_hex(text);
    if (!bytes || bytes->size() < min || bytes->size() > max) {
        return fail(Code::usage,
                    std::format("{} must be {} to {} bytes, two hexadecimal digits each", what, min, max));
    }
    return std::move(*bytes);
}

Result<std::vector<unsigned>> parse_pcrs(std::string_view text) {
    std::vector<unsigned> pcrs;
    for (std::size_t at = 0; at <= text.size();) {
        const auto comma = std::min(text.find(',', at), text.size());
        const auto number = parse_number("PCR", text.substr(at, comma - at), last_pcr);
        if (!number) {
            return std::unexpected(number.error());
        }
        pcrs.push_back(static_cast<unsigned>(*number));
        at = comma + 1;
    }
    std::ranges::sort(pcrs);
    const auto again = std::ranges::unique(pcrs);
    if (!again.empty()) {
        return fail(Code::usage, "a PCR is named twice");
    }
    return pcrs;
}

std::string hex16(std::uint16_t value) {
    return std::format("0x{:04X}", value);
}

std::string hex32(std::uint32_t value) {
    return std::format("0x{:08X}", value);
}

std::string utc(std::uint64_t realtime_ns) {
    const std::chrono::sys_time<std::chrono::microseconds> time{
        std::chrono::microseconds(static_cast<std::int64_t>(realtime_ns / 1000))};
    return std::format("{:%FT%TZ}", time);
}

std::string duration(std::uint64_t seconds) {
    constexpr std::uint64_t minute = 60;
    constexpr std::uint64_t hour = 60 * minute;
    constexpr std::uint64_t day = 24 * hour;
    if (seconds >= day) {
        return std::format("{} d {} h", seconds / day, seconds % day / hour);
    }
    if (seconds >= hour) {
        return std::format("{} h {} min", seconds / hour, seconds % hour / minute);
    }
    return std::format("{} min {} s", seconds / minute, seconds % minute);
}

} // namespace dsmilctl
