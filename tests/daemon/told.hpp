// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dsmil/error.hpp"

#include <string>

namespace dsmil::test {

// What an error says, with all that led to it.
[[nodiscard]] inline std::string told(const Error &error) {
    std::string text = error.detail;
    for (const auto &cause : error.causes) {
        text += "; " + cause;
    }
    return text;
}

} // namespace dsmil::test
