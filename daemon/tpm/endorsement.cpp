// SPDX-License-Identifier: Apache-2.0
#include "tpm/endorsement.hpp"

#include "attest/ek_certificate.hpp"
#include "tpm/ek_template.hpp"
#include "tpm/nv_read.hpp"
#include "tpm/object_name.hpp"
#include "tpm/policy_session.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <tss2/tss2_mu.h>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;
constexpr TPM2_HANDLE first_chain_index = 0x01C00100;
constexpr unsigned max_chain_indices = 8;
constexpr std::size_t max_index_bytes = 4'096;

struct CertificateIndex {
    TPM2_HANDLE index;
    EkAlgorithm algorithm;
    bool high_range;
    TPM2_HANDLE template_index;
    TPM2_HANDLE nonce_index; // 0: there is none in the high range
};
// EK Credential Profile, 2.2.1.4 and 2.2.1.5; what comes first of an algorithm is taken.
constexpr std::array certificate_indices = {
    CertificateIndex{0x01C0000A, EkAlgorithm::p256, false, 0x01C0000C, 0x01C0000B},
    CertificateIndex{0x01C00014, EkAlgorithm::p256, true, 0x01C00015, 0},
    CertificateIndex{0x01C00016, EkAlgorithm::p384, true, 0x01C00017, 0},
    CertificateIndex{0x01C00002, EkAlgorithm::rsa2048, false, 0x01C00004, 0x01C00003},
    CertificateIndex{0x01C00012, EkAlgorithm::rsa2048, true, 0x01C00013, 0},
};

struct AlgorithmName {
    EkAlgorithm algorithm;
    std::string_view name;
};
constexpr std::array algorithm_names = {
    AlgorithmName{EkAlgorithm::p256, "ecc-p256"},
    AlgorithmName{EkAlgorithm::p384, "ecc-p384"},
    AlgorithmName{EkAlgorithm::rsa2048, "rsa-2048"},
};

// Where the profile has the keys of the low range (2.6).
TPM2_HANDLE low_range_handle(EkAlgorithm algorithm) {
    return algorithm == EkAlgorithm::rsa2048 ? 0x81010001 : 0x81010002;
}

ESYS_TR authorise(const Session *session, Protect protect) {
    return session != nullptr ? session->handle(protect) : ESYS_TR_PASSWORD;
}

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
Result<std::optional<Bytes>> read_if_there(Context &context, const Session *session, TPM2_HANDLE number) {
    auto index = find_area(context, session, number);
    if (!index) {
        return std::unexpected(std::move(index.error()));
    }
    if (const auto &there = *index; there && (there->area.attributes & TPMA_NV_WRITTEN) != 0) {
        return read_area(context, session, there->object.handle(), there->area, max_index_bytes)
            .transform([](Bytes bytes) { return std::optional(std::move(bytes)); });
    }
    return std::nullopt;
}

// The TCG's template, unless the maker left another one, or a nonce, in the TPM.
Result<TPM2B_PUBLIC> find_template(Context &context, const Session *session, EkAlgorithm algorithm,
                                   bool high_range) {
    const auto *place = std::ranges::find_if(certificate_indices, [&](const CertificateIndex &index) {
        return index.algorithm == algorithm && index.high_range == high_range;
    });
    auto left = read_if_there(context, session, place->template_index);
    auto nonce = left && place->nonce_index != 0 ? read_if_there(context, session, place->nonce_index)
                                                 : Result<std::optional<Bytes>>(std::nullopt);
    if (!left || !nonce) {
        return std::unexpected(
            std::move(!left ? left.error() : nonce.error()).in("reading the maker's template"));
    }
    return makers_template(ek_template(algorithm, high_range), *left, *nonce);
}

Result<Object> derive(Context &context, const Session *session, const TPM2B_PUBLIC &wanted) {
    const TPM2B_SENSITIVE_CREATE sensitive{};
    const TPM2B_DATA outside{};
    const TPML_PCR_SELECTION pcrs{};
    ESYS_TR handle = none;
    auto made = context.run(
        "CreatePrimary", "deriving the endorsement key",
        [&](ESYS_CONTEXT *esys) {
            return Esys_CreatePrimary_Async(esys, ESYS_TR_RH_ENDORSEMENT, authorise(session, Protect::both),
                                            none, none, &sensitive, &wanted, &outside, &pcrs);
        },
        [&](ESYS_CONTEXT *esys) {
            return Esys_CreatePrimary_Finish(esys, &handle, nullptr, nullptr, nullptr, nullptr);
        });
    if (!made) {
        return std::unexpected(std::move(made.error()));
    }
    return Object(context, handle);
}

// One of the high range is not taken from there: it may have a secret of its own, and a wrong one counts
// towards the lockout.
Result<std::optional<Object>> find_certified(Context &context, const EkCertificate &certificate,
                                             const TPM2B_PUBLIC &wanted) {
    if (certificate.high_range) {
        return std::nullopt;
    }
    auto found = find_persistent(context, low_range_handle(certificate.algorithm));
    if (!found) {
        return found;
    }
    if (const std::optional<Object> &object = *found) {
        const auto area = public_area(context, object->handle());
        if (!area || !fits(*area, wanted) || !certifies(certificate, *area)) {
            return std::nullopt;
        }
    }
    return found;
}

// What the TPM says when it is another's credential, or a damaged one.
bool is_refusal(TSS2_RC code) {
    const auto number = said_by_tpm(code);
    const auto kind = (number & TPM2_RC_FMT1) != 0 ? number & 0x0BFU : number;
    static constexpr std::array refusals = {TPM2_RC_INTEGRITY, TPM2_RC_VALUE,        TPM2_RC_SIZE,
                                            TPM2_RC_ECC_POINT, TPM2_RC_INSUFFICIENT, TPM2_RC_KEY};
    return std::ranges::contains(refusals, kind);
}

Result<Bytes> activate(Tpm &tpm, const EndorsementKey &ek, ESYS_TR ek_session, const TPM2B_ID_OBJECT &blob,
                       const TPM2B_ENCRYPTED_SECRET &seed) {
    TPM2B_DIGEST *given = nullptr;
    const TSS2_RC code = tpm.context().ask(
        "ActivateCredential",
        [&](ESYS_CONTEXT *esys) {
            return Esys_ActivateCredential_Async(esys, tpm.key(Purpose::attestation).handle(), ek.handle(),
                                                 tpm.session().handle(Protect::both), ek_session, none, &blob,
                                                 &seed);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_ActivateCredential_Finish(esys, &given); });
    const EsysPtr<TPM2B_DIGEST> owned(given);
    if (code != TSS2_RC_SUCCESS) {
        auto error = tpm_error("activating a credential", code);
        if (is_refusal(code)) {
            error.error() = {
                Code::attestation_failed,
                "the TPM does not open it",
                {"it was made for another endorsement key or another attestation key, or was changed"}};
        }
        return error;
    }
    return Bytes(given->buffer, given->buffer + given->size);
}

} // namespace

std::string_view name_of(EkAlgorithm algorithm) {
    return std::ranges::find(algorithm_names, algorithm, &AlgorithmName::algorithm)->name;
}

std::optional<EkAlgorithm> ek_algorithm(std::string_view name) {
    const auto *found = std::ranges::find(algorithm_names, name, &AlgorithmName::name);
    return found != algorithm_names.end() ? std::optional(found->algorithm) : std::nullopt;
}

Result<std::vector<EkCertificate>> read_ek_certificates(Context &context, const Session *session) {
    std::vector<EkCertificate> certificates;
    for (const auto &[index, algorithm, high_range, template_index, nonce_index] : certificate_indices) {
        if (std::ranges::contains(certificates, algorithm, &EkCertificate::algorithm)) {
            continue;
        }
        auto read = read_if_there(context, session, index);
        if (!read) {
            return std::unexpected(std::move(read.error()).in("reading the endorsement certificates"));
        }
        if (auto &certificate = *read) {
            certificates.push_back({algorithm, high_range, without_padding(std::move(*certificate))});
        }
    }
    return certificates;
}

Result<Bytes> read_ek_chain(Context &context, const Session *session) {
    Bytes chain;
    for (unsigned i = 0; i < max_chain_indices; i++) {
        auto read = read_if_there(context, session, first_chain_index + i);
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

bool certifies(const EkCertificate &certificate, const TPM2B_PUBLIC &key) {
    const auto encoded = marshal(key);
    const auto shown = encoded ? attest::PublicKey::read(*encoded) : std::unexpected(encoded.error());
    const auto certificates = attest::read_certificates(certificate.der);
    const auto certified =
        certificates ? attest::certified_key(certificates->front()) : std::unexpected(certificates.error());
    return shown && certified && attest::same_key(*shown, *certified);
}

Result<EndorsementKey> EndorsementKey::open(Context &context, const Session *session, EkAlgorithm algorithm,
                                            const EkCertificate *certificate) {
    const auto wanted =
        find_template(context, session, algorithm,
                      certificate != nullptr ? certificate->high_range : algorithm == EkAlgorithm::p384);
    if (!wanted) {
        return std::unexpected(wanted.error());
    }
    auto found = certificate != nullptr ? find_certified(context, *certificate, *wanted) : std::nullopt;
    if (!found) {
        return std::unexpected(std::move(found.error()));
    }
    std::optional<Object> &kept = *found;
    auto object = kept ? Result<Object>(std::move(*kept)) : derive(context, session, *wanted);
    if (!object) {
        return std::unexpected(std::move(object.error()));
    }
    const auto area = tpm::public_area(context, object->handle());
    if (!area) {
        return std::unexpected(area.error());
    }
    return EndorsementKey(std::move(*object), *area);
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
    if (!ek.opened_by_policy()) {
        // A session authorises once in a command: the endorsement key gets one of its own.
        const auto second = Session::start(tpm.context(), tpm.root().handle(), Session::Kind::hmac);
        return second ? activate(tpm, ek, second->handle(), blob, seed) : std::unexpected(second.error());
    }
    auto session = PolicySession::start(tpm);
    if (!session) {
        return std::unexpected(std::move(session.error()));
    }
    if (auto shown = session->hierarchy_secret(tpm, ESYS_TR_RH_ENDORSEMENT); !shown) {
        return std::unexpected(std::move(shown.error()));
    }
    return activate(tpm, ek, session->handle(), blob, seed);
}

} // namespace dsmil::tpm
