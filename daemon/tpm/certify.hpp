// SPDX-License-Identifier: Apache-2.0
// The attestation key's word about other things of this TPM: that a key is in
// it, and what an NV index holds. Inner header of tpm/.
#pragma once

#include "tpm/nv.hpp"
#include "tpm/tpm.hpp"

namespace dsmil::tpm {

struct Statement {
    Bytes attest;    // TPMS_ATTEST
    Bytes signature; // TPMT_SIGNATURE, of the attestation key
};

// `nonce` (at most 32 bytes) makes it fresh.
[[nodiscard]] Result<Statement> certify_key(Tpm &tpm, ESYS_TR key, ByteView nonce);
[[nodiscard]] Result<Statement> certify_index(Tpm &tpm, const NvIndex &index, ByteView nonce);

} // namespace dsmil::tpm
