// SPDX-License-Identifier: Apache-2.0
// Public areas of the keys that we make. Inner header of tpm/.
#pragma once

#include <cstdint>
#include <tss2/tss2_tpm2_types.h>

namespace dsmil::tpm {

enum class Algorithm : std::uint8_t { p256, p384, rsa2048 };
enum class Use : std::uint8_t {
    attest,  // restricted: signs only what the TPM itself made
    sign,    // any digest
    decrypt, // RSA only
};

// Bound to the TPM (fixedTPM, fixedParent, made inside), and exempt from
// dictionary-attack lockout, so that other programs' wrong passwords stop
// nothing here. ECDSA or RSASSA with SHA-256 (SHA-384 on P-384); decryption is
// RSA-OAEP with SHA-256.
[[nodiscard]] TPM2B_PUBLIC key_template(Algorithm algorithm, Use use);

// Of the TCG's provisioning guidance.
[[nodiscard]] TPM2B_PUBLIC storage_root_template();

// Whether a public area is what the template demands; the key itself is free.
[[nodiscard]] bool fits(const TPM2B_PUBLIC &key, const TPM2B_PUBLIC &wanted);

} // namespace dsmil::tpm
