// SPDX-License-Identifier: Apache-2.0
// Platform configuration registers of the SHA-256 bank. Inner header of tpm/.
#pragma once

#include "base/sha256.hpp"
#include "tpm/tpm.hpp"

#include <map>
#include <vector>

namespace dsmil::tpm {

// For PCRs below 24, distinct.
[[nodiscard]] TPML_PCR_SELECTION selection_of(const std::vector<unsigned> &pcrs);

// The TPM gives at most eight values at a time: it is asked until all are there.
[[nodiscard]] Result<std::map<unsigned, Bytes>> read_pcrs(Tpm &tpm, const std::vector<unsigned> &pcrs);

[[nodiscard]] Result<void> extend_pcr(Tpm &tpm, unsigned pcr, const Hash &digest);

} // namespace dsmil::tpm
