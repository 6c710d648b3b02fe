// SPDX-License-Identifier: Apache-2.0
// Who signs checkpoints, and says in which state the machine was: the TPM, or a
// key in tests. Reactor's thread.
#pragma once

#include "base/bytes.hpp"
#include "base/sha256.hpp"
#include "dsmil/error.hpp"

#include <functional>
#include <optional>

namespace dsmil {

// What comes of something later, on the reactor's thread.
template <typename T>
using Then = std::move_only_function<void(T)>;

namespace ledger {

// A TPM quote: one signature over a digest, the PCRs, the TPM's clock and its resets.
struct Quote {
    Bytes attest;    // TPMS_ATTEST
    Bytes signature; // TPMT_SIGNATURE of the attestation key
    Bytes pcrs;      // the values of the quoted PCRs, ascending, 32 bytes each
};

class Signer {
  public:
    virtual ~Signer() = default;
    // Of the signing key, DER; nothing as long as there is none.
    [[nodiscard]] virtual std::optional<Bytes> public_key() const = 0;
    // ECDSA P-256 of a SHA-256 digest, as DER.
    virtual void sign(const Hash &digest, Then<Result<Bytes>> then) = 0;
    // With the digest as qualifying data; tpm_missing when only a key file signs.
    virtual void quote(const Hash &digest, Then<Result<Quote>> then) = 0;
};

} // namespace ledger
} // namespace dsmil
