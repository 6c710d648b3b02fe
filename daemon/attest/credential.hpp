// SPDX-License-Identifier: Apache-2.0
// TPM2_MakeCredential in software (TPM 2.0 Library, Part 1, 24): a secret that
// only the TPM with the EK can open, and only for the key with that name.
#pragma once

#include "attest/public_key.hpp"
#include "base/bytes.hpp"
#include "dsmil/error.hpp"

namespace dsmil::attest {

// The file that tpm2_activatecredential takes. `secret` has 1 byte to as many as a digest of the
// EK's name algorithm; `ak_name` is a TPM2B_NAME without its size. An EK that is PEM is taken to be
// of the TCG's default template for its kind and size. usage for what cannot be, such as an EK whose
// attributes no TPM takes for this.
[[nodiscard]] Result<Bytes> make_credential(const PublicKey &ek, ByteView ak_name, ByteView secret);

// The two parts of such a file, as TPM2_ActivateCredential takes them.
struct CredentialFile {
    Bytes credential; // TPM2B_ID_OBJECT
    Bytes secret;     // TPM2B_ENCRYPTED_SECRET
};
// malformed if it is none.
[[nodiscard]] Result<CredentialFile> read_credential(ByteView file);

} // namespace dsmil::attest
