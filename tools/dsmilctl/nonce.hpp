// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"
#include "command.hpp"

namespace dsmilctl {

// What --nonce says (8 to 32 bytes), or 32 random bytes.
[[nodiscard]] dsmil::Result<dsmil::Bytes> nonce_of(const Call &call);

} // namespace dsmilctl
