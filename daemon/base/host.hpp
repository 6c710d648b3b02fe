// SPDX-License-Identifier: Apache-2.0
// Which machine, and which of its boots, this is.
#pragma once

#include "dsmil/error.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace dsmil {

using Id128 = std::array<std::uint8_t, 16>;

// The kernel's id of this boot, or zeros where the kernel does not tell.
[[nodiscard]] Id128 boot_id();

// The host's name, made safe for a log's origin: letters, digits, '.', '-'.
[[nodiscard]] std::string host_name();

} // namespace dsmil
