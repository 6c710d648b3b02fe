// SPDX-License-Identifier: Apache-2.0
// The secret that opens what was sealed in any state. Never an argument, which every
// user of the machine could see.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <string>

namespace dsmilctl {

inline constexpr std::size_t recovery_bytes = 32;

// Of a file with its hexadecimal digits, or of standard input, which is asked for when it
// is a terminal, for "-". usage when it holds anything else; the errors of read_file().
[[nodiscard]] dsmil::Result<dsmil::Bytes> read_recovery(const std::string &path);

} // namespace dsmilctl
