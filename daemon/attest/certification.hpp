// SPDX-License-Identifier: Apache-2.0
// An attestation key's word that another key is in its TPM (TPM2_Certify),
// verified by the bytes alone. The bytes may be hostile.
#pragma once

#include "attest/public_key.hpp"

namespace dsmil::attest {

struct Certification {
    Bytes attest;    // TPMS_ATTEST
    Bytes signature; // TPMT_SIGNATURE, by the attestation key
};

// attestation_failed with the check that failed ("name: ...") unless all of this does: `ak` is an
// attestation key, a TPM made the statement, it is a certificate, `ak` signed it, the nonce is this one,
// and it is about `key` with exactly these attributes (its Name). Both keys as a TPM writes them: PEM has
// no Name. Whether `ak` belongs to a TPM, and to which, is for the caller to know.
[[nodiscard]] Result<void> verify_certification(const Certification &certification, const PublicKey &ak,
                                                const PublicKey &key, ByteView nonce);

} // namespace dsmil::attest
