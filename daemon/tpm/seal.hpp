// SPDX-License-Identifier: Apache-2.0
// Secrets that the TPM gives back only in a certain state of the machine, or for
// a recovery secret. The object's userWithAuth is clear: nothing but its policy
// opens it. Inner header of tpm/.
#pragma once

#include "base/sha256.hpp"
#include "tpm/policy.hpp"
#include "tpm/tpm.hpp"

#include <map>
#include <optional>
#include <vector>

namespace dsmil::tpm {

inline constexpr std::size_t max_sealed_bytes = 128;

// Somebody else's P-256 key, which says by signatures which PCR values are good:
// so an update needs a new signature and no new sealing.
struct Approver {
    Bytes spki;
    Bytes reference; // at most 32 bytes, of the approver's choice
};

// What an NV index must hold, besides; the index was written before.
struct NvCondition {
    TPM2_HANDLE index = 0;
    Bytes name;
    Bytes operand;
    policy::Comparison comparison = policy::Comparison::equal;
};

struct SealOptions {
    std::vector<unsigned> pcrs; // their values of now, or those that the approver signs
    std::optional<Approver> approver;
    std::optional<NvCondition> nv;
    Bytes recovery; // at most 32 bytes; empty: no way around the state
};

struct Sealed {
    Blobs blobs;
    std::map<unsigned, Bytes> pcrs; // as they were when it was sealed
    std::optional<Approver> approver;
    std::optional<NvCondition> nv;
    bool recovery = false;
};

// PCR values that are good, signed by the approver: ECDSA, DER, over
// policy::to_be_approved().
struct Approval {
    Hash policy{};
    Bytes signature;
};

[[nodiscard]] Result<Sealed> seal(Tpm &tpm, ByteView secret, const SealOptions &options);

// tpm_policy when the machine is in another state; the causes name the PCRs that
// changed. `approval` where there is an approver.
[[nodiscard]] Result<Bytes> unseal(Tpm &tpm, const Sealed &sealed,
                                   const std::optional<Approval> &approval = std::nullopt);
// tpm_auth when it is another secret.
[[nodiscard]] Result<Bytes> unseal_with_recovery(Tpm &tpm, const Sealed &sealed, ByteView recovery);

} // namespace dsmil::tpm
