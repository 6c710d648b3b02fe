// SPDX-License-Identifier: Apache-2.0
// Verification of a file's anchors, and of the file against what the TPM holds.
// Inner header of ledger/.
#pragma once

#include "ledger/database.hpp"
#include "ledger/tpm_evidence.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace dsmil::ledger {

struct AnchorReport {
    std::uint64_t anchors = 0;
    std::uint64_t adopted = 0;      // of them: chains that began anew
    std::uint64_t adopted_size = 0; // what the last of these covers
    std::uint64_t last_size = 0;    // what the newest anchor covers
    // By the witness: what the anchor covers that the TPM held then; newer ones may follow in the file.
    std::uint64_t fresh_size = 0;
};

// tampered when the anchors do not follow from one another, or a chain began anew without a record that
// says so: `adoptions` are the numbers of these records, in order, from record `first` on (those before were
// pruned). With `witness`:
//   cut      the TPM counted more than the file knows of
//   forked   the file has another anchor where the TPM counted one
// One anchor is in memory at a time.
// A file of format 1 has none.
[[nodiscard]] Result<AnchorReport> check_anchors(Database &database, std::uint64_t format,
                                                 const AnchorWitness *witness,
                                                 std::span<const std::uint64_t> adoptions,
                                                 std::uint64_t first);

} // namespace dsmil::ledger
