// SPDX-License-Identifier: Apache-2.0
#include "roots_option.hpp"

#include <cstdlib>
#include <ranges>

namespace dsmilctl {

std::vector<std::string> root_folders(const Call &call) {
    const char *const environment = std::getenv("DSMIL_TPM_ROOTS");
    const auto text = call.option("--roots").value_or(environment != nullptr ? environment : "");
    std::vector<std::string> folders;
    for (const auto part : std::views::split(text, ':')) {
        if (!part.empty()) {
            folders.emplace_back(std::string_view(part));
        }
    }
    return folders.empty() ? dsmil::attest::default_roots() : folders;
}

dsmil::Result<std::vector<dsmil::attest::Root>> read_roots(const Call &call) {
    return dsmil::attest::read_roots(root_folders(call));
}

} // namespace dsmilctl
