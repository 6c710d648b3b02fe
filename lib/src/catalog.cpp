// SPDX-License-Identifier: Apache-2.0
#include "dsmil/catalog.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <format>

namespace dsmil {
namespace {

// The risk words of the generated table.
constexpr auto SAFE = Risk::safe;
constexpr auto MONITORED = Risk::monitored;
constexpr auto GUARDED = Risk::guarded;
constexpr auto LOCKED = Risk::locked;
constexpr auto QUARANTINED = Risk::quarantined;

constexpr std::array<CatalogDevice, 108> devices = {{
#define DSMIL_DEVICE(number, id, token_base, group, group_name, name, risk, layer, layer_name, service_name, \
                     clearance)                                                                              \
    {number, id, token_base, group, group_name, name, risk, layer, layer_name, service_name, clearance},
#include "dsmil_catalog.def"
}};

constexpr std::array<std::string_view, 5> risk_names = {"safe", "monitored", "guarded", "locked",
                                                        "quarantined"};
constexpr std::array<std::string_view, 3> register_names = {"STATUS", "CONFIG", "DATA"};

// Locale-free, and safe for any char.
constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool same_any_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

// "data-destruction" names "Data Destruction".
bool same_name(std::string_view text, std::string_view name) {
    const auto plain = [](char c) { return c == '-' || c == '_' ? ' ' : lower(c); };
    return std::ranges::equal(text, name, {}, plain, plain);
}

std::optional<unsigned> whole_number(std::string_view text, int base) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

const CatalogDevice *by_number(unsigned number) {
    return number < devices.size() ? &devices.at(number) : nullptr;
}

const CatalogDevice *by_id(std::string_view hex) {
    const auto id = whole_number(hex, 16);
    return id && *id >= devices.front().id ? by_number(*id - devices.front().id) : nullptr;
}

} // namespace

std::string_view name(Risk risk) {
    return risk_names.at(static_cast<std::size_t>(risk));
}

std::string_view name(Register reg) {
    return register_names.at(static_cast<std::size_t>(reg));
}

std::span<const CatalogDevice, 108> catalog() {
    return devices;
}

const CatalogDevice *find_device(std::string_view text) {
    if (text.starts_with("0x") || text.starts_with("0X")) {
        return text.size() == 6 ? by_id(text.substr(2)) : nullptr;
    }
    // Four digits are an id ("8009"), fewer a number ("9").
    if (!text.empty() && text.size() <= 3 && std::ranges::all_of(text, is_digit)) {
        const auto number = whole_number(text, 10);
        return number ? by_number(*number) : nullptr;
    }
    if (text.size() == 4) {
        if (const auto *device = by_id(text)) {
            return device;
        }
    }
    for (const auto &device : devices) {
        if (same_name(text, device.name)) {
            return &device;
        }
    }
    return nullptr;
}

std::optional<Register> find_register(std::string_view text) {
    for (std::size_t i = 0; i < register_names.size(); i++) {
        if (same_any_case(text, register_names.at(i)) ||
            (text.size() == 1 && text.front() == static_cast<char>('0' + i))) {
            return static_cast<Register>(i);
        }
    }
    return std::nullopt;
}

std::string describe_id(std::uint16_t id) {
    const auto *device = by_number(static_cast<unsigned>(id) - devices.front().id);
    return device != nullptr ? std::format("device 0x{:04X} {}", id, device->name)
                             : std::format("0x{:04X}", id);
}

std::string describe_token(std::uint16_t token) {
    const auto *device = by_number((static_cast<unsigned>(token) - devices.front().token_base) / 3);
    if (device == nullptr) {
        return std::format("token 0x{:04X} of unknown meaning", token);
    }
    const auto reg = static_cast<Register>(token - device->token_base);
    return std::format("token 0x{:04X} ({} of {})", token, name(reg), describe_id(device->id));
}

} // namespace dsmil
