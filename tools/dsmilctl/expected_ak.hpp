// SPDX-License-Identifier: Apache-2.0
// The attestation key that the caller of a command trusts: the option --ak.
#pragma once

#include "base/bytes.hpp"
#include "command.hpp"
#include "dsmil/error.hpp"

#include <optional>

namespace dsmilctl {

// The SubjectPublicKeyInfo (DER) of the file that --ak names; nothing without the option.
// usage when it holds no public key in PEM.
[[nodiscard]] dsmil::Result<std::optional<dsmil::Bytes>> expected_ak(const Call &call);

// attestation_failed when one is expected, and `ak` is another.
[[nodiscard]] dsmil::Result<void> compare_ak(const std::optional<dsmil::Bytes> &expected,
                                             const dsmil::Bytes &ak);

} // namespace dsmilctl
