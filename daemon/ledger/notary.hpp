// SPDX-License-Identifier: Apache-2.0
// What a TPM can say about checkpoints besides signing them, and what it remembers of
// them. Reactor's thread.
#pragma once

#include "ledger/anchor.hpp"
#include "ledger/signer.hpp"

#include <string>

namespace dsmil::ledger {

// One signature over a digest, the PCRs, the TPM's clock and its resets.
struct Quote {
    Bytes attest;    // TPMS_ATTEST
    Bytes signature; // TPMT_SIGNATURE of the attestation key
    Bytes pcrs;      // the values of the PCRs 0 to 15, 32 bytes each
};

// What the TPM holds, by the word of its attestation key over a nonce.
struct AnchorEvidence {
    attest::NvCertification value;
    attest::NvCertification count;
    std::string ak_public_pem;
};

class Notary {
  public:
    virtual ~Notary() = default;
    // With the digest as qualifying data, of the PCRs of the boot, 0 to 15.
    // tpm_missing when there is no TPM.
    virtual void quote(const Hash &digest, Then<Result<Quote>> then) = 0;

    // The anchors' indices (anchor.hpp). conflict when one of them is not as we make it.
    virtual void recall(Then<Result<AnchorMemory>> then) = 0;
    // Makes those that are not there.
    virtual void prepare(Then<Result<AnchorMemory>> then) = 0;
    // These write to the TPM's memory, unless it holds something else than what was there before (zero,
    // nothing: never written), and answer with what it holds then. So they may be asked twice.
    virtual void extend(const Hash &before, const Hash &digest, Then<Result<AnchorMemory>> then) = 0;
    virtual void count(std::optional<std::uint64_t> before, Then<Result<AnchorMemory>> then) = 0;
    // `nonce` has 32 bytes at most. not_found when nothing was ever anchored.
    virtual void certify(Bytes nonce, Then<Result<AnchorEvidence>> then) = 0;
};

} // namespace dsmil::ledger
