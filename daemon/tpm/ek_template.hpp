// SPDX-License-Identifier: Apache-2.0
// Public areas of endorsement keys, as the TCG has them (EK Credential Profile,
// annex B): the maker's certificate is for the key of exactly such a template.
// Inner header of tpm/.
#pragma once

#include "tpm/endorsement.hpp"

#include <optional>

namespace dsmil::tpm {

// L-1 and L-2 of the low range; H-1, H-2 and H-3 of the high one, which alone has P-384.
[[nodiscard]] TPM2B_PUBLIC ek_template(EkAlgorithm algorithm, bool high_range);

// What the maker left in the TPM's memory for a key of that kind (EK Credential Profile, 2.2.1.4):
// another template (TPMT_PUBLIC), and a nonce that stands in its unique field. tpm_failed when the
// template is none, is of another algorithm, or is no endorsement key's: bound to this TPM, made in it,
// restricted, for decryption and nothing else; or when the nonce is longer than the field.
[[nodiscard]] Result<TPM2B_PUBLIC> makers_template(const TPM2B_PUBLIC &standard,
                                                   const std::optional<Bytes> &left,
                                                   const std::optional<Bytes> &nonce);

} // namespace dsmil::tpm
