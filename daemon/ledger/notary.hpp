// SPDX-License-Identifier: Apache-2.0
// What a TPM can say about checkpoints besides signing them. Reactor's thread.
#pragma once

#include "ledger/signer.hpp"

namespace dsmil::ledger {

// One signature over a digest, the PCRs, the TPM's clock and its resets.
struct Quote {
    Bytes attest;    // TPMS_ATTEST
    Bytes signature; // TPMT_SIGNATURE of the attestation key
    Bytes pcrs;      // the values of the PCRs 0 to 15, 32 bytes each
};

class Notary {
  public:
    virtual ~Notary() = default;
    // With the digest as qualifying data, of the PCRs of the boot, 0 to 15.
    // tpm_missing when there is no TPM.
    virtual void quote(const Hash &digest, Then<Result<Quote>> then) = 0;
};

} // namespace dsmil::ledger
