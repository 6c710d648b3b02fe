// SPDX-License-Identifier: Apache-2.0
// Foreign text in the words that are signed.
#pragma once

#include <string>
#include <string_view>

namespace dsmil {

// Printable ASCII as it is; everything else, and the backslash, as \xNN: nothing in it
// ends a line or moves a terminal.
[[nodiscard]] std::string in_one_line(std::string_view text);

} // namespace dsmil
