// SPDX-License-Identifier: Apache-2.0
#include "recovery.hpp"

#include "new_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <format>
#include <iostream>
#include <unistd.h>

namespace dsmilctl {
namespace {

using dsmil::Result;

constexpr std::size_t max_text = 2 * recovery_bytes + 16; // and white space

// A line of a terminal, or all that there is.
Result<std::string> read_input() {
    const bool asks = ::isatty(STDIN_FILENO) == 1;
    if (asks) {
        std::cerr << "recovery secret: " << std::flush;
    }
    std::string text;
    std::array<char, 128> chunk{};
    for (;;) {
        const auto got = ::read(STDIN_FILENO, chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return dsmil::fail_errno(dsmil::Code::failed, "reading standard input", errno);
        }
        text.append(chunk.data(), static_cast<std::size_t>(got));
        if (got == 0 || text.size() > max_text || (asks && text.ends_with('\n'))) {
            return text;
        }
    }
}

} // namespace

Result<dsmil::Bytes> read_recovery(const std::string &path) {
    const auto text = path == "-" ? read_input() : read_file(path, max_text);
    if (!text) {
        return std::unexpected(text.error());
    }
    constexpr std::string_view space = " \t\r\n";
    std::string_view digits(*text);
    digits.remove_prefix(std::min(digits.find_first_not_of(space), digits.size()));
    digits = digits.substr(0, digits.find_last_not_of(space) + 1);
    const auto bytes = dsmil::from_hex(digits);
    if (!bytes || bytes->size() != recovery_bytes) { // without the text: it may be another secret
        return dsmil::fail(dsmil::Code::usage,
                           std::format("--recovery: {} does not hold {} hexadecimal digits",
                                       path == "-" ? "standard input" : path, 2 * recovery_bytes));
    }
    return *bytes;
}

} // namespace dsmilctl
