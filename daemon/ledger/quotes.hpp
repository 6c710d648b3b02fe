// SPDX-License-Identifier: Apache-2.0
// Verification of the TPM's quotes of a ledger's checkpoints. Inner header of
// ledger/.
#pragma once

#include "attest/quote.hpp"
#include "ledger/database.hpp"
#include "ledger/note.hpp"

#include <cstdint>
#include <span>

namespace dsmil::ledger {

// How many quotes there are. tampered unless each is one of a checkpoint in the file, over the
// PCRs 0 to 15 with the values beside it, in the order of the TPM's clock; with `ak` those of
// checkpoints that the first of `keys` signed must be its. One quote is in memory at a time.
[[nodiscard]] Result<std::uint64_t> check_quotes(Database &database, std::span<const NoteVerifier> keys,
                                                 attest::QuoteVerifier *ak);

} // namespace dsmil::ledger
