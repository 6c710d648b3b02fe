// SPDX-License-Identifier: Apache-2.0
// What every daemon's main() does.
#pragma once

#include "base/log.hpp"
#include "dsmil/error.hpp"

#include <string_view>

namespace dsmil {

// On standard error, with the causes and the remedy; the exit code.
[[nodiscard]] int complain(std::string_view program, const Error &error);

// In the log; the exit code.
[[nodiscard]] int fail_to_start(const Log &log, const Error &error);

} // namespace dsmil
