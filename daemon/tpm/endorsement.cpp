// SPDX-License-Identifier: Apache-2.0
#include "tpm/endorsement.hpp"

#include "tpm/nv.hpp"
#include "tpm/object_name.hpp"
#include "tpm/policy_session.hpp"

#include <algorithm>
#include <array>
#include <tss2/tss2_mu.h>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;
constexpr TPM2_HANDLE first_chain_index = 0x01C00100;
constexpr unsigned max_chain_indices = 8;

struct CertificateIndex {
    TPM2_HANDLE index;
    EkAlgorithm algorithm;
};
constexpr std::array certificate_indices = {
    CertificateIndex{0x01C00002, EkAlgorithm::rsa2048},
    CertificateIndex{0x01C0000A, EkAlgorithm::p256},
    CertificateIndex{0x01C00016, EkAlgorithm::p384},
};

// PolicySecret of the endorsement hierarchy (EK Credential Profile, B.3.3 and B.6.2).
constexpr std::array<BYTE, 32> policy_a = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xB3, 0xF8, 0x1A, 0x90, 0xCC,
                                           0x8D, 0x46, 0xA5, 0xD7, 0x24, 0xFD, 0x52, 0xD7, 0x6E, 0x06, 0x52,
                                           0x0B, 0x64, 0xF2, 0xA1, 0xDA, 0x1B, 0x33, 0x14, 0x69, 0xAA};

// Some makers pad a certificate with 0xFF or zeros to the size of the index.
Bytes without_padding(Bytes der) {
    constexpr std::size_t header = 4;
    if (der.size() > header && der[0] == 0x30 && der[1] == 0x82) {
        const std::size_t size = header + (std::size_t{der[2]} << 8U | der[3]);
        if (size <= der.size()) {
            der.resize(size);
        }
    }
    return der;
}

// Nothing when there is no such index, or nobody wrote to it.
Result<std::optional<Bytes>> read_if_there(Tpm &tpm, TPM2_HANDLE number) {
    auto index = find_index(tpm, number, {});
    if (!index) {
        return std::unexpected(std::move(index.error()));
    }
    if (const auto &there = *index; there && there->written()) {
        return read_index(tpm, *there).transform([](Bytes bytes) { return std::optional(std::move(bytes)); });
    }
    return std::nullopt;
}

void make_symmetric(TPMT_SYM_DEF_OBJECT &symmetric) {
    symmetric.algorithm = TPM2_ALG_AES;
    symmetric.keyBits.aes = 128;
    symmetric.mode.aes = TPM2_ALG_CFB;
}

// Templates L-1 and L-2.
TPM2B_PUBLIC low_range_template(EkAlgorithm algorithm) {
    TPM2B_PUBLIC key{};
    auto &area = key.publicArea;
    area.nameAlg = TPM2_ALG_SHA256;
    area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                            TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
    area.authPolicy.size = policy_a.size();
    std::ranges::copy(policy_a, area.authPolicy.buffer);
    if (algorithm == EkAlgorithm::rsa2048) {
        area.type = TPM2_ALG_RSA;
        make_symmetric(area.parameters.rsaDetail.symmetric);
        area.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
        area.parameters.rsaDetail.keyBits = 2048;
        area.unique.rsa.size = 256;
        return key;
    }
    area.type = TPM2_ALG_ECC;
    make_symmetric(area.parameters.eccDetail.symmetric);
    area.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
    area.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
    area.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    area.unique.ecc.x.size = 32;
    area.unique.ecc.y.size = 32;
    return key;
}

} // namespace

Result<std::vector<EkCertificate>> read_ek_certificates(Tpm &tpm) {
    std::vector<EkCertificate> certificates;
    for (const auto &[index, algorithm] : certificate_indices) {
        auto read = read_if_there(tpm, index);
        if (!read) {
            return std::unexpected(std::move(read.error()).in("reading the endorsement certificates"));
        }
        if (auto &certificate = *read) {
            certificates.push_back({algorithm, without_padding(std::move(*certificate))});
        }
    }
    return certificates;
}

Result<Bytes> read_ek_chain(Tpm &tpm) {
    Bytes chain;
    for (unsigned i = 0; i < max_chain_indices; i++) {
        auto read = read_if_there(tpm, first_chain_index + i);
        if (!read) {
            return std::unexpected(std::move(read.error()).in("reading the chain of the endorsement"));
        }
        const auto &part = *read;
        if (!part) {
            break;
        }
        chain.insert(chain.end(), part->begin(), part->end());
    }
    return chain;
}

Result<EndorsementKey> EndorsementKey::derive(Tpm &chip, EkAlgorithm algorithm) {
    if (algorithm == EkAlgorithm::p384) {
        return fail(Code::tpm_unsupported, "an endorsement key of P-384 is not derived by this release");
    }
    const TPM2B_SENSITIVE_CREATE sensitive{};
    const TPM2B_PUBLIC wanted = low_range_template(algorithm);
    const TPM2B_DATA outside{};
    const TPML_PCR_SELECTION pcrs{};
    ESYS_TR handle = none;
    auto made = chip.context().run(
        "CreatePrimary", "deriving the endorsement key",
        [&](ESYS_CONTEXT *esys) {
            return Esys_CreatePrimary_Async(esys, ESYS_TR_RH_ENDORSEMENT,
                                            chip.session().handle(Protect::both), none, none, &sensitive,
                                            &wanted, &outside, &pcrs);
        },
        [&](ESYS_CONTEXT *esys) {
            return Esys_CreatePrimary_Finish(esys, &handle, nullptr, nullptr, nullptr, nullptr);
        });
    if (!made) {
        return std::unexpected(std::move(made.error()));
    }
    Object object(chip.context(), handle);
    const auto area = tpm::public_area(chip.context(), handle);
    if (!area) {
        return std::unexpected(area.error());
    }
    return EndorsementKey(std::move(object), *area);
}

Result<Bytes> activate_credential(Tpm &tpm, const EndorsementKey &ek, ByteView credential, ByteView secret) {
    TPM2B_ID_OBJECT blob{};
    TPM2B_ENCRYPTED_SECRET seed{};
    std::size_t at_blob = 0;
    std::size_t at_seed = 0;
    if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(credential.data(), credential.size(), &at_blob, &blob) != 0 ||
        Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(secret.data(), secret.size(), &at_seed, &seed) != 0 ||
        at_blob != credential.size() || at_seed != secret.size()) {
        return fail(Code::usage, "the credential is not one of TPM2_MakeCredential");
    }
    auto session = PolicySession::start(tpm);
    if (!session) {
        return std::unexpected(std::move(session.error()));
    }
    if (auto shown = session->hierarchy_secret(tpm, ESYS_TR_RH_ENDORSEMENT); !shown) {
        return std::unexpected(std::move(shown.error()));
    }
    TPM2B_DIGEST *given = nullptr;
    auto activated = tpm.context().run(
        "ActivateCredential", "activating a credential",
        [&](ESYS_CONTEXT *esys) {
            return Esys_ActivateCredential_Async(esys, tpm.key(Purpose::attestation).handle(), ek.handle(),
                                                 tpm.session().handle(Protect::both), session->handle(), none,
                                                 &blob, &seed);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_ActivateCredential_Finish(esys, &given); });
    const EsysPtr<TPM2B_DIGEST> owned(given);
    if (!activated) {
        return std::unexpected(std::move(activated.error()));
    }
    return Bytes(given->buffer, given->buffer + given->size);
}

} // namespace dsmil::tpm
