// SPDX-License-Identifier: Apache-2.0
// What is known of a device now, and the words in which it is signed and sealed.
#pragma once

#include "base/bytes.hpp"
#include "base/host.hpp"
#include "dsmil/error.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <string>

namespace dsmil {

struct RegisterState {
    std::uint64_t boottime_ns = 0; // of the last answer of the firmware; 0: none yet
    std::int32_t result = 0;       // of that answer: 0 or -errno
    std::uint32_t value = 0;       // when the result is 0
};

struct DeviceState {
    std::uint16_t id = 0;
    std::string firmware;                   // "dell", "sim"
    std::string firmware_version;           // of the system's; of "sim", the module's; empty: not known
    Id128 load_id{};                        // of the module
    std::array<RegisterState, 3> registers; // STATUS, CONFIG, DATA
};

struct DevicePlaces {
    std::string nodes = "/dev/dsmil";
    std::string dmi = "/sys/class/dmi/id"; // what the firmware says of itself (SMBIOS type 0)
};

// From the kernel's status page: nothing is asked of the firmware. The errors of
// the module; device_absent when the board lacks it; firmware_missing when the
// firmware that it came from has gone.
[[nodiscard]] Result<DeviceState> read_device_state(const DevicePlaces &places, std::uint16_t id);

// The version of the system's firmware, as the kernel has it from DMI: at most 64 bytes, which may
// be any. Empty when there is none.
[[nodiscard]] std::string system_firmware_version(const std::string &dmi);

using DeviceReader = std::function<Result<DeviceState>(std::uint16_t id)>;

// Lines of text, the same bytes for the same state:
//   dsmil-device-statement-v1
//   device 0x8005
//   firmware sim
//   firmware_version 0.1.0              (or: "unknown"; see in_one_line() for odd bytes)
//   load_id <32 hexadecimal digits>
//   STATUS 0x00000001 at 123456789      (or: "none", or: "error -5 at 123456789")
//   CONFIG ...
//   DATA ...
//   nonce <hexadecimal>
[[nodiscard]] std::string device_statement(const DeviceState &state, ByteView nonce);

// One line of at most 128 bytes: "0x8005 STATUS=0x00000001 CONFIG=none DATA=error".
[[nodiscard]] std::string device_configuration(const DeviceState &state);

} // namespace dsmil
