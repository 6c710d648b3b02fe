// SPDX-License-Identifier: Apache-2.0
// The TPM's fresh word about what it remembers of a ledger, verified by the
// bytes alone: no TPM. The bytes may be hostile.
#pragma once

#include "attest/public_key.hpp"
#include "base/sha256.hpp"
#include "dsmil/error.hpp"
#include "ledger/anchor.hpp"
#include "ledger/notary.hpp"

#include <boost/json/object.hpp>
#include <cstdint>
#include <string_view>

namespace dsmil::ledger {

inline constexpr std::size_t max_evidence_bytes = 65'536;
inline constexpr std::size_t min_nonce_bytes = 8; // fewer could be guessed
inline constexpr std::size_t max_nonce_bytes = 32;

// As `dsmilctl audit evidence` writes it: JSON, dsmil.audit-evidence/1.
[[nodiscard]] boost::json::object evidence_json(const AnchorEvidence &evidence);
// malformed unless it is that.
[[nodiscard]] Result<AnchorEvidence> parse_evidence(std::string_view text);

// What the TPM held when it was asked.
struct AnchorWitness {
    Hash value{};
    std::uint64_t count = 0;
};

// attestation_failed with what does not hold: `ak` must have signed both statements, over this nonce, about
// the two indices as the daemon makes them. The key in the evidence itself is not looked at.
[[nodiscard]] Result<AnchorWitness> verify_evidence(const AnchorEvidence &evidence,
                                                    const attest::PublicKey &ak, ByteView nonce);

} // namespace dsmil::ledger
