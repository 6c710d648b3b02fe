// SPDX-License-Identifier: Apache-2.0
// PCR values as tpm2-tools writes them.
#pragma once

#include "attest/quote.hpp"

namespace dsmil::attest {

// `-F serialized` (the default of tpm2_quote) or `-F values`, which does not say whose the values
// are: then they are of the PCRs `quoted`, ascending. malformed, also for other banks than SHA-256.
[[nodiscard]] Result<Pcrs> read_pcr_file(ByteView file, std::span<const unsigned> quoted);

// `-F serialized`. Each value has 32 bytes.
[[nodiscard]] Bytes serialized_pcrs(const Pcrs &pcrs);

} // namespace dsmil::attest
