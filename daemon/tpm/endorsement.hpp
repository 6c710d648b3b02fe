// SPDX-License-Identifier: Apache-2.0
// The endorsement key: what the maker of the TPM certified. It proves to an
// enroller that our attestation key is in this TPM. Inner header of tpm/.
#pragma once

#include "tpm/tpm.hpp"

#include <optional>
#include <vector>

namespace dsmil::tpm {

enum class EkAlgorithm : std::uint8_t { rsa2048, p256, p384 };

struct EkCertificate {
    EkAlgorithm algorithm = EkAlgorithm::rsa2048;
    Bytes der; // X.509
};

// As the maker left them in the TPM (TCG EK Credential Profile, 2.2.1.4); perhaps
// none. Nothing is ever fetched from anywhere.
[[nodiscard]] Result<std::vector<EkCertificate>> read_ek_certificates(Tpm &tpm);
// The certificates above them, one behind the other (indices 0x01C00100 on), DER.
[[nodiscard]] Result<Bytes> read_ek_chain(Tpm &tpm);

// The key of the TCG's template, derived from the endorsement seed.
class EndorsementKey {
  public:
    [[nodiscard]] static Result<EndorsementKey> derive(Tpm &tpm, EkAlgorithm algorithm);
    [[nodiscard]] ESYS_TR handle() const { return object_.handle(); }
    [[nodiscard]] const TPM2B_PUBLIC &public_area() const { return public_area_; }

  private:
    EndorsementKey(Object object, const TPM2B_PUBLIC &public_area)
        : object_(std::move(object)), public_area_(public_area) {}
    Object object_;
    TPM2B_PUBLIC public_area_;
};

// The secret that an enroller encrypted to the endorsement key for our
// attestation key (TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, as
// tpm2_makecredential writes them without its header). tpm_failed when it is for another.
[[nodiscard]] Result<Bytes> activate_credential(Tpm &tpm, const EndorsementKey &ek, ByteView credential,
                                                ByteView secret);

} // namespace dsmil::tpm
