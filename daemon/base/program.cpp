// SPDX-License-Identifier: Apache-2.0
#include "base/program.hpp"

#include <format>
#include <iostream>

namespace dsmil {

int complain(std::string_view program, const Error &error) {
    const auto &about = info(error.code);
    std::cerr << std::format("{}: {}: {}\n", program, about.message, error.detail);
    for (const auto &cause : error.causes) {
        std::cerr << std::format("  because: {}\n", cause);
    }
    if (!about.remedy.empty()) {
        std::cerr << std::format("  remedy: {}\n", about.remedy);
    }
    return about.exit;
}

int fail_to_start(const Log &log, const Error &error) {
    log.write_error(LogLevel::error, "start_failed", error);
    return info(error.code).exit;
}

} // namespace dsmil
