// SPDX-License-Identifier: Apache-2.0
// Signatures with the daemon's keys. Inner header of tpm/.
#pragma once

#include "base/sha256.hpp"
#include "tpm/tpm.hpp"

namespace dsmil::tpm {

// ECDSA over a digest, as DER. Not with the attestation key, which signs only
// what the TPM itself made.
[[nodiscard]] Result<Bytes> sign(Tpm &tpm, Purpose purpose, const Hash &digest);

// With any loaded key that signs digests; `digest` of the size that its scheme demands.
[[nodiscard]] Result<TPMT_SIGNATURE> sign_with(Tpm &tpm, ESYS_TR key, ByteView digest);

} // namespace dsmil::tpm
