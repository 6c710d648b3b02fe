// SPDX-License-Identifier: Apache-2.0
// Verification of a folder of C2SP tlog-tiles, of this ledger or of any other log,
// down to its checkpoint. Inner header of ledger/.
#pragma once

#include "ledger/checkpoint.hpp"
#include "ledger/verify.hpp"

#include <optional>
#include <span>
#include <string>

namespace dsmil::ledger {

// A log that holds, and its newest checkpoint.
struct Verified {
    VerifyReport report;
    Note newest;
};

// Every entry against its tile, every tile against what lies below it, the root against the
// checkpoint. Errors as verify_log() has them.
[[nodiscard]] Result<Verified> verify_folder(const std::string &path, std::span<const NoteVerifier> keys,
                                             const std::optional<Checkpoint> &held);

} // namespace dsmil::ledger
