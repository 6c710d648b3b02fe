// SPDX-License-Identifier: Apache-2.0
// A checkpoint with the signatures of its log.
#pragma once

#include "dsmil/error.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/note.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::ledger {

struct SignedCheckpoint {
    Checkpoint checkpoint;
    Note note;
};

// The first key must have signed, and none of the others wrongly: a log that signs with two keys
// may leave the second out. Without keys nothing is demanded. Errors, with `name` in the detail:
// failed (no note, no checkpoint), signature_refused, not_signed.
[[nodiscard]] Result<SignedCheckpoint> read_signed(std::string_view text, std::span<const NoteVerifier> keys,
                                                   std::string_view name);

} // namespace dsmil::ledger
