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

// One answer of TPM2_PCR_Read to the question for `wanted`, added to `values`: tpm_failed when a value
// was not asked for or is none of SHA-256, so that each round brings new ones or ends. Pure.
[[nodiscard]] Result<void> take_pcrs(std::map<unsigned, Bytes> &values, const std::vector<unsigned> &wanted,
                                     const TPML_PCR_SELECTION &given, const TPML_DIGEST &digests);

[[nodiscard]] Result<void> extend_pcr(Tpm &tpm, unsigned pcr, const Hash &digest);

} // namespace dsmil::tpm
