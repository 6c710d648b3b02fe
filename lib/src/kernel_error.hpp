// SPDX-License-Identifier: Apache-2.0
// Turns what the kernel answers (errno, guard decisions) into our errors. Pure
// but for open_error, which looks at the node to say why it does not open.
#pragma once

#include "dsmil/error.hpp"

#include <cstdint>
#include <linux/dsmil.h>
#include <string>

namespace dsmil {

// open() of a node failed with errno value `number`.
[[nodiscard]] Error open_error(const std::string &node, int number);

// An ioctl or read failed with errno value `number` while doing `what`.
[[nodiscard]] Error ioctl_error(const std::string &what, int number);

// DSMIL_IOC_REG_WRITE of `token` failed with errno value `number`; `answer` has
// the out fields that the kernel filled.
[[nodiscard]] Error write_error(std::uint16_t token, const dsmil_reg_write &answer, int number);

} // namespace dsmil
