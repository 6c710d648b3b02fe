// SPDX-License-Identifier: Apache-2.0
// The roots that a command believes in.
#pragma once

#include "attest/roots.hpp"
#include "command.hpp"

#include <vector>

namespace dsmilctl {

// The folders of --roots, else of DSMIL_TPM_ROOTS, else of the package and the administrator; with colons
// between them.
[[nodiscard]] std::vector<std::string> root_folders(const Call &call);

// What lies in them; the errors of dsmil::attest::read_roots().
[[nodiscard]] dsmil::Result<std::vector<dsmil::attest::Root>> read_roots(const Call &call);

} // namespace dsmilctl
