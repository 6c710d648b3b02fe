// SPDX-License-Identifier: Apache-2.0
// Devices as the kernel knows them, and how commands show them.
#pragma once

#include "dsmil/client.hpp"
#include "dsmil/error.hpp"

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsmilctl {

// All devices: through ctl, or, for a caller who may not open ctl, through
// netlink, which needs no privilege.
[[nodiscard]] dsmil::Result<std::vector<dsmil_device>> all_devices(const dsmil::Paths &paths);

// A char array of the ABI, which need not end in NUL.
template <std::size_t N>
[[nodiscard]] std::string text_of(const char (&field)[N]) {
    const std::string_view view(field, N);
    return std::string(view.substr(0, view.find('\0')));
}

[[nodiscard]] std::string risk_name(std::uint32_t risk);     // "safe" ..., "risk 9"
[[nodiscard]] std::string reason_name(std::uint32_t reason); // "grant_required" ..., "reason 99"
[[nodiscard]] std::string firmware_name(std::uint32_t kind); // "none" "dell" "sim", "kind 9"
// For a caller with CAP_SYS_RAWIO and no grant.
[[nodiscard]] bool writable(const dsmil_device &device, std::size_t reg);

[[nodiscard]] boost::json::object device_json(const dsmil_device &device);

// What root may write of these devices, one text a device:
// "STATUS DATA of 0x8030 Storage Encryption, with CAP_SYS_RAWIO".
[[nodiscard]] std::vector<std::string> writable_registers(const std::vector<dsmil_device> &devices);

} // namespace dsmilctl
