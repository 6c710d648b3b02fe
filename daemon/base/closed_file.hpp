// SPDX-License-Identifier: Apache-2.0
// Files that decide who may do what.
#pragma once

#include "dsmil/error.hpp"

#include <cstddef>
#include <string>

namespace dsmil {

// As read_file(); permission also when everybody may write the file.
[[nodiscard]] Result<std::string> read_closed_file(const std::string &path, std::size_t max_bytes);

} // namespace dsmil
