// SPDX-License-Identifier: Apache-2.0
// What an acknowledgement of the ledger promises. Who writes chooses; what
// matters to security is always `power`.
#pragma once

#include <cstdint>
#include <string_view>

namespace dsmil::ledger {

// What may happen and the record is still there; the later holds more.
enum class Durability : std::uint8_t {
    none,    // nothing: it is in the daemon's memory, on its way
    process, // the daemon is killed: the kernel has it
    power,   // the power fails: the disk has it
};

inline constexpr std::size_t durability_classes = 3;

[[nodiscard]] constexpr std::string_view name_of(Durability durability) {
    switch (durability) {
    case Durability::none:
        return "none";
    case Durability::process:
        return "process";
    case Durability::power:
        break;
    }
    return "power";
}

} // namespace dsmil::ledger
