// SPDX-License-Identifier: Apache-2.0
#include "tpm/endorsement.hpp"

#include "attest/ek_certificate.hpp"
#include "tpm/ek_template.hpp"
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
constexpr std::size_t at_a_time = 512; // every TPM takes as much

struct CertificateIndex {
    TPM2_HANDLE index;
    EkAlgorithm algorithm;
    bool high_range;
};
// EK Credential Profile, 2.2.1.4 and 2.2.1.5; what comes first of an algorithm is taken.
constexpr std::array certificate_indices = {
    CertificateIndex{0x01C0000A, EkAlgorithm::p256, false},
    CertificateIndex{0x01C00014, EkAlgorithm::p256, true},
    CertificateIndex{0x01C00016, EkAlgorithm::p384, true},
    CertificateIndex{0x01C00002, EkAlgorithm::rsa2048, false},
    CertificateIndex{0x01C00012, EkAlgorithm::rsa2048, true},
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

// Of the TPM's memory, without the daemon's session if there is none yet.
struct Index {
    Object object;
    TPMS_NV_PUBLIC area;
};

Result<std::optional<Index>> find(Context &context, const Session *session, TPM2_HANDLE number) {
    ESYS_TR found = none;
    const TSS2_RC code = context.ask(
        "NV_ReadPublic",
        [&](ESYS_CONTEXT *esys) { return Esys_TR_FromTPMPublic_Async(esys, number, none, none, none); },
        [&](ESYS_CONTEXT *esys) { return Esys_TR_FromTPMPublic_Finish(esys, &found); });
    if (is_no_handle(code)) {
        return std::nullopt;
    }
    if (code != TSS2_RC_SUCCESS) {
        return tpm_error(std::format("looking at NV index 0x{:08X}", number), code);
    }
    Object object(context, found, Object::Kind::persistent);
    TPM2B_NV_PUBLIC *area = nullptr;
    auto read = context.run(
        "NV_ReadPublic", std::format("looking at NV index 0x{:08X}", number),
        [&](ESYS_CONTEXT *esys) {
            return Esys_NV_ReadPublic_Async(esys, object.handle(),
                                            session != nullptr ? session->handle(Protect::answer) : none,
                                            none, none);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_NV_ReadPublic_Finish(esys, &area, nullptr); });
    const EsysPtr<TPM2B_NV_PUBLIC> owned(area);
    if (!read) {
        return std::unexpected(std::move(read.error()));
    }
    return Index{std::move(object), area->nvPublic};
}

Result<Bytes> read_all(Context &context, const Session *session, const Index &index) {
    const std::size_t size = index.area.dataSize;
    if (size > max_index_bytes) {
        return fail(Code::tpm_failed, std::format("NV index 0x{:08X} has {} bytes: more than {}",
                                                  index.area.nvIndex, size, max_index_bytes));
    }
    Bytes bytes;
    while (bytes.size() < size) {
        const auto at = static_cast<UINT16>(bytes.size());
        const auto wanted = static_cast<UINT16>(std::min(at_a_time, size - bytes.size()));
        TPM2B_MAX_NV_BUFFER *data = nullptr;
        auto read = context.run(
            "NV_Read", std::format("reading NV index 0x{:08X}", index.area.nvIndex),
            [&](ESYS_CONTEXT *esys) {
                return Esys_NV_Read_Async(esys, index.object.handle(), index.object.handle(),
                                          authorise(session, Protect::answer), none, none, wanted, at);
            },
            [&](ESYS_CONTEXT *esys) { return Esys_NV_Read_Finish(esys, &data); });
        const EsysPtr<TPM2B_MAX_NV_BUFFER> owned(data);
        if (!read) {
            return std::unexpected(std::move(read.error()));
        }
        if (data->size != wanted) {
            return fail(Code::tpm_failed, "the TPM gave less than was asked for");
        }
        bytes.insert(bytes.end(), data->buffer, data->buffer + data->size);
    }
    return bytes;
}

// Nothing when there is no such index, or nobody wrote to it.
Result<std::optional<Bytes>> read_if_there(Context &context, const Session *session, TPM2_HANDLE number) {
    auto index = find(context, session, number);
    if (!index) {
        return std::unexpected(std::move(index.error()));
    }
    if (const auto &there = *index; there && (there->area.attributes & TPMA_NV_WRITTEN) != 0) {
        return read_all(context, session, *there).transform([](Bytes bytes) {
            return std::optional(std::move(bytes));
        });
    }
    return std::nullopt;
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
    for (const auto &[index, algorithm, high_range] : certificate_indices) {
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
    const TPM2B_PUBLIC wanted = ek_template(
        algorithm, certificate != nullptr ? certificate->high_range : algorithm == EkAlgorithm::p384);
    auto found = certificate != nullptr ? find_certified(context, *certificate, wanted) : std::nullopt;
    if (!found) {
        return std::unexpected(std::move(found.error()));
    }
    std::optional<Object> &kept = *found;
    auto object = kept ? Result<Object>(std::move(*kept)) : derive(context, session, wanted);
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
