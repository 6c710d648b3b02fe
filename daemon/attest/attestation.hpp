// SPDX-License-Identifier: Apache-2.0
// TPMS_ATTEST (TPM 2.0 Library, Part 2, 10.12), as views of its bytes. Inner
// header of attest/.
#pragma once

#include "attest/quote.hpp"
#include "attest/reader.hpp"

namespace dsmil::attest {

struct Attestation {
    ByteView nonce;           // extraData
    std::uint32_t pcrs = 0;   // a bit each
    bool only_sha256 = false; // one bank, and that one
    bool beyond_last = false; // a PCR that no PC has
    ByteView pcr_digest;
    QuoteReport report;
};

// What each kind of it begins with: magic, type, signer, nonce, clock, firmware. attestation_failed
// unless a TPM made it and it is of `type` (TPM2_ST_ATTEST_...), which is called `name`.
[[nodiscard]] Result<Attestation> read_head(BigReader &reader, std::uint16_t type, std::string_view name);

// attestation_failed unless it is a whole quote and nothing more.
[[nodiscard]] Result<Attestation> parse_attestation(ByteView quoted);

// attestation_failed with `check` and what to say of it.
[[nodiscard]] std::unexpected<Error> does_not_hold(std::string_view check, std::string_view why);

// "0,7" or "none".
[[nodiscard]] std::string list_of(std::uint32_t pcrs);

} // namespace dsmil::attest
