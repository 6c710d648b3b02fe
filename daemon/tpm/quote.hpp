// SPDX-License-Identifier: Apache-2.0
// Quotes with the attestation key. Inner header of tpm/.
#pragma once

#include "attest/quote.hpp"
#include "tpm/tpm.hpp"

#include <string>
#include <vector>

namespace dsmil::tpm {

struct Quote {
    attest::QuoteBundle bundle;
    std::string manufacturer;     // "IBM", "STM"
    std::string firmware_version; // of the TPM, as its vendor counts
};

// `nonce` at most 34 bytes, `pcrs` distinct, ascending, below 24. The values
// are those that were quoted: when a PCR moves in between, it is done again.
[[nodiscard]] Result<Quote> make_quote(Tpm &tpm, ByteView nonce, const std::vector<unsigned> &pcrs);

// Whether the key signs, with the secret that it was given: tpm_auth if it is another.
[[nodiscard]] Result<void> try_key(Tpm &tpm, const Key &key);

} // namespace dsmil::tpm
