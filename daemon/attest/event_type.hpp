// SPDX-License-Identifier: Apache-2.0
// The event types that code knows by name (TCG PC Client Platform Firmware
// Profile, 10.4.1); event_log.hpp has the names of all. Inner header of attest/.
#pragma once

#include <cstdint>

namespace dsmil::attest::event_type {

inline constexpr std::uint32_t no_action = 0x03;
inline constexpr std::uint32_t separator = 0x04;
inline constexpr std::uint32_t action = 0x05;
inline constexpr std::uint32_t s_crtm_version = 0x08;
inline constexpr std::uint32_t ipl = 0x0D;
inline constexpr std::uint32_t post_code = 0x01;
inline constexpr std::uint32_t efi_variable_driver_config = 0x80000001;
inline constexpr std::uint32_t efi_variable_boot = 0x80000002;
inline constexpr std::uint32_t efi_gpt_event = 0x80000006;
inline constexpr std::uint32_t efi_action = 0x80000007;
inline constexpr std::uint32_t efi_variable_boot2 = 0x8000000C;
inline constexpr std::uint32_t efi_variable_authority = 0x800000E0;

} // namespace dsmil::attest::event_type
