// SPDX-License-Identifier: Apache-2.0
// Verification of a TPM quote by its bytes alone: no TPM, no daemon. The bytes
// may be hostile.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>

namespace dsmil::tpm {

inline constexpr unsigned pcr_count = 24;

struct QuoteBundle {
    Bytes quoted;    // TPMS_ATTEST
    Bytes signature; // TPMT_SIGNATURE
    std::string ak_public_pem;
    std::map<unsigned, Bytes> pcrs; // of the SHA-256 bank
};

// What the quote says. The TPM disguises the counters and the firmware version
// for keys of the owner hierarchy: equal means equal, the numbers mean nothing.
struct QuoteReport {
    std::uint64_t clock_ms = 0;
    std::uint32_t reset_count = 0;
    std::uint32_t restart_count = 0;
    bool clock_safe = false;
    std::uint64_t firmware_version = 0;
    Bytes signer_name; // the qualified name of the key
};

// attestation_failed with what does not hold, unless all of this does: magic
// and type, the signature with the key of ak_public_pem (ECDSA P-256, SHA-256),
// the nonce, exactly the PCRs `requested` in the SHA-256 bank, and their digest
// over the values of the bundle. Whether the key belongs to a TPM, and to which,
// is for the caller to know.
[[nodiscard]] Result<QuoteReport> verify_quote(const QuoteBundle &bundle, ByteView nonce,
                                               std::span<const unsigned> requested);

} // namespace dsmil::tpm
