// SPDX-License-Identifier: Apache-2.0
// Verification of a ledger file by its records and a public key alone: no
// daemon, no TPM, no network. The file may be hostile.
#pragma once

#include "base/sha256.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::ledger {

struct VerifyOptions {
    // A signed checkpoint of this log that the caller kept from earlier: the
    // file must contain what it covered.
    std::optional<std::string> held_checkpoint;
    // Fail with freshness_not_shown instead of saying so in the report.
    bool require_fresh = false;
};

struct VerifyReport {
    std::string origin;
    std::uint64_t size = 0; // records, all of them covered by the newest checkpoint
    Hash root{};
    std::uint64_t checkpoints = 0;        // with a signature of the key
    std::uint64_t newest_realtime_ns = 0; // of the newest record; 0 in an empty ledger
    std::vector<std::string> notes;       // what the user should know besides

    // "consistent up to 17 records at 2026-01-01T00:00:00Z, root ..., freshness not shown"
    [[nodiscard]] std::string text() const;
};

// Recomputes every hash from the records. `vkey` is a C2SP verifier key line.
// Errors, each with a detail that names the first thing that is wrong:
//   tampered       a record, tile, checkpoint or signature is not what was signed
//   cut            there are fewer records than a signed checkpoint covers
//   forked         two signed checkpoints contradict each other
//   not_signed     no checkpoint of this key, or records after the last one
//   freshness_not_shown   only with require_fresh: a file alone never shows it
//   usage          the key or the held checkpoint is malformed
//   not_found, permission, failed   it could not be checked
[[nodiscard]] Result<VerifyReport> verify_file(const std::string &path, std::string_view vkey,
                                               const VerifyOptions &options = {});

} // namespace dsmil::ledger
