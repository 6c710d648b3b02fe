// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dsmil/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dsmilctl {

// A grant of one or two signers, as the kernel takes it. usage: its length is no
// grant's; the errors of read_file().
[[nodiscard]] dsmil::Result<std::vector<std::uint8_t>> read_grant(const std::string &path);

} // namespace dsmilctl
