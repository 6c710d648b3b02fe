// SPDX-License-Identifier: Apache-2.0
#include "device/words.hpp"

#include <format>

namespace dsmil {

std::string in_one_line(std::string_view text) {
    std::string shown;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_plain = byte >= 0x20 && byte < 0x7F && c != '\\';
        shown += is_plain ? std::string(1, c) : std::format("\\x{:02x}", byte);
    }
    return shown;
}

} // namespace dsmil
