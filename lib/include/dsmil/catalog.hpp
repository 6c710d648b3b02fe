// SPDX-License-Identifier: Apache-2.0
// The 108 devices as the catalogue (tools/catalog/devices.csv) has them: what
// is known without asking the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dsmil {

enum class Risk : std::uint8_t { safe, monitored, guarded, locked, quarantined };
enum class Register : std::uint8_t { status, config, data };

[[nodiscard]] std::string_view name(Risk risk);    // "safe" ...
[[nodiscard]] std::string_view name(Register reg); // "STATUS" ...

struct CatalogDevice {
    std::uint16_t number;     // 0 .. 107
    std::uint16_t id;         // 0x8000 + number
    std::uint16_t token_base; // 0x8000 + 3 * number
    std::uint16_t group;      // 0 .. 8
    std::string_view group_name;
    std::string_view name;
    Risk risk;
    std::uint8_t layer; // 2 .. 9, 0 if no service device is bound
    std::string_view layer_name;
    std::string_view service_name;
    std::uint32_t clearance;
};

[[nodiscard]] std::span<const CatalogDevice, 108> catalog();

// By id ("0x8009", "8009"), by number ("9", decimal, below 108) or by name
// ("Data Destruction", also "data-destruction", any case); nothing else.
[[nodiscard]] const CatalogDevice *find_device(std::string_view text);

// "STATUS", "config", "0" .. "2"; any case.
[[nodiscard]] std::optional<Register> find_register(std::string_view text);

// "device 0x8009 Data Destruction"; "0x1234" when no device has the id.
[[nodiscard]] std::string describe_id(std::uint16_t id);

// "token 0x801C (CONFIG of device 0x8009 Data Destruction)"; outside the range
// "token 0x1234 of unknown meaning".
[[nodiscard]] std::string describe_token(std::uint16_t token);

} // namespace dsmil
