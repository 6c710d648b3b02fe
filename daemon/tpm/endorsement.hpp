// SPDX-License-Identifier: Apache-2.0
// The endorsement key: what the maker of the TPM certified. It proves to an
// enroller that our attestation key is in this TPM, and to us that it is this
// TPM that answers. Inner header of tpm/.
#pragma once

#include "tpm/tpm.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace dsmil::tpm {

enum class EkAlgorithm : std::uint8_t { p256, p384, rsa2048 }; // the quicker first

// "ecc-p256", "ecc-p384", "rsa-2048".
[[nodiscard]] std::string_view name_of(EkAlgorithm algorithm);
[[nodiscard]] std::optional<EkAlgorithm> ek_algorithm(std::string_view name);

struct EkCertificate {
    EkAlgorithm algorithm = EkAlgorithm::rsa2048;
    // Of the TCG's high range (templates H-1 to H-3), where the key may be used with its own
    // secret, too; else of the low one (L-1, L-2), where only its policy opens it.
    bool high_range = false;
    Bytes der; // X.509
};

// As the maker left them in the TPM (TCG EK Credential Profile, 2.2.1.4), at most one of an
// algorithm, perhaps none. Nothing is ever fetched from anywhere. `session` is null as long as
// there is none: then nothing protects what the TPM answers.
[[nodiscard]] Result<std::vector<EkCertificate>> read_ek_certificates(Context &context,
                                                                      const Session *session);
// The certificates above them, one behind the other (indices 0x01C00100 on), DER.
[[nodiscard]] Result<Bytes> read_ek_chain(Context &context, const Session *session);

// The key of the TCG's template, or of the one that the maker left in the TPM: the one that persists where
// the profile has it, when it is the one that `certificate` certifies, else derived from the endorsement seed
// (RSA takes some chips 8 s). A null `certificate`: the low range's, without a certificate; P-384 has only
// the high one.
class EndorsementKey {
  public:
    [[nodiscard]] static Result<EndorsementKey> open(Context &context, const Session *session,
                                                     EkAlgorithm algorithm, const EkCertificate *certificate);
    [[nodiscard]] ESYS_TR handle() const { return object_.handle(); }
    [[nodiscard]] const TPM2B_PUBLIC &public_area() const { return public_area_; }
    [[nodiscard]] bool opened_by_policy() const {
        return (public_area_.publicArea.objectAttributes & TPMA_OBJECT_USERWITHAUTH) == 0;
    }

  private:
    EndorsementKey(Object object, const TPM2B_PUBLIC &public_area)
        : object_(std::move(object)), public_area_(public_area) {}
    Object object_;
    TPM2B_PUBLIC public_area_;
};

// Whether it is this very key that the certificate is for.
[[nodiscard]] bool certifies(const EkCertificate &certificate, const TPM2B_PUBLIC &key);

// The secret that an enroller encrypted to the endorsement key for our attestation key
// (TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, as tpm2_makecredential writes them behind its
// header). attestation_failed when it is for another key or TPM, or was changed.
[[nodiscard]] Result<Bytes> activate_credential(Tpm &tpm, const EndorsementKey &ek, ByteView credential,
                                                ByteView secret);

} // namespace dsmil::tpm
