// SPDX-License-Identifier: Apache-2.0
// The NV indices in which the TPM remembers the ledger's checkpoints
// (ledger/anchor.hpp). Inner header of tpm/.
#pragma once

#include "ledger/notary.hpp"
#include "tpm/tpm.hpp"

#include <cstdint>
#include <optional>

namespace dsmil::tpm {

// conflict, here and below, when an index is not as define_anchor() makes it (its Name).
[[nodiscard]] Result<ledger::AnchorMemory> read_anchor(Tpm &tpm);
// Makes what is not there; owner's work.
[[nodiscard]] Result<ledger::AnchorMemory> define_anchor(Tpm &tpm);

// Write when the TPM holds `before`, and say what it holds then. not_found without the index.
[[nodiscard]] Result<ledger::AnchorMemory> extend_anchor(Tpm &tpm, const Hash &before, const Hash &digest);
[[nodiscard]] Result<ledger::AnchorMemory> count_anchor(Tpm &tpm, std::optional<std::uint64_t> before);

// not_found when nothing was ever anchored.
[[nodiscard]] Result<ledger::AnchorEvidence> certify_anchor(Tpm &tpm, ByteView nonce);

} // namespace dsmil::tpm
