// SPDX-License-Identifier: Apache-2.0
// Public areas of endorsement keys, as the TCG has them (EK Credential Profile,
// annex B): the maker's certificate is for the key of exactly such a template.
// Inner header of tpm/.
#pragma once

#include "tpm/endorsement.hpp"

namespace dsmil::tpm {

// L-1 and L-2 of the low range; H-1, H-2 and H-3 of the high one, which alone has P-384.
[[nodiscard]] TPM2B_PUBLIC ek_template(EkAlgorithm algorithm, bool high_range);

} // namespace dsmil::tpm
