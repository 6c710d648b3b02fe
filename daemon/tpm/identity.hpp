// SPDX-License-Identifier: Apache-2.0
// Who this machine's TPM is, for an enroller: the endorsement keys with their
// makers' certificates, the attestation key, and the keys that it certifies.
// Nothing of it is secret. Inner header of tpm/.
#pragma once

#include "tpm/certify.hpp"
#include "tpm/endorsement.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dsmil::tpm {

struct PublicIdentity {
    Bytes public_area; // TPM2B_PUBLIC
    Bytes name;
};
[[nodiscard]] Result<PublicIdentity> public_identity(const TPM2B_PUBLIC &area);

struct EkIdentity {
    EkAlgorithm algorithm = EkAlgorithm::p256;
    PublicIdentity key;
    std::optional<EkCertificate> certificate;
};

struct Certificates {
    std::vector<EkCertificate> certificates;
    std::vector<Bytes> chain; // DER each
};
// What the maker left in the TPM.
[[nodiscard]] Result<Certificates> read_certificates(Tpm &tpm);

// Without a certificate: that of P-256, or of RSA where the chip has no curves.
[[nodiscard]] Result<EkIdentity> read_ek(Tpm &tpm, const std::optional<EkCertificate> &certificate);

// The key for an algorithm as read_ek() shows it, for one command.
[[nodiscard]] Result<EndorsementKey> open_ek(Tpm &tpm, EkAlgorithm algorithm);

// A key of the daemon or of a device that the attestation key can certify.
struct OwnKey {
    std::string purpose;            // "checkpoint-key", "device-8005-key": the stem of its files
    std::optional<Purpose> daemons; // else a device's
    Blobs blobs;                    // of a device's
    PublicIdentity key;
};
// All that there are now; without a command to the TPM. tpm_failed when the files of a device's key
// are damaged.
[[nodiscard]] Result<std::vector<OwnKey>> own_keys(Tpm &tpm, const std::string &state_dir);

// The attestation key's word for it. Not fresh: a credential is what shows that.
[[nodiscard]] Result<Statement> certify_own(Tpm &tpm, const OwnKey &key);

} // namespace dsmil::tpm
