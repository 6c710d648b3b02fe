// SPDX-License-Identifier: Apache-2.0
#include "tpm/ek_template.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <tss2/tss2_mu.h>

namespace dsmil::tpm {
namespace {

// Policy A with SHA-256: PolicySecret of the endorsement hierarchy (B.3.3).
constexpr std::array<BYTE, 32> policy_a = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xB3, 0xF8, 0x1A, 0x90, 0xCC,
                                           0x8D, 0x46, 0xA5, 0xD7, 0x24, 0xFD, 0x52, 0xD7, 0x6E, 0x06, 0x52,
                                           0x0B, 0x64, 0xF2, 0xA1, 0xDA, 0x1B, 0x33, 0x14, 0x69, 0xAA};
// Policy B: A, or what an NV index says (B.6.3 and B.6.4).
constexpr std::array<BYTE, 32> policy_b_sha256 = {
    0xCA, 0x3D, 0x0A, 0x99, 0xA2, 0xB9, 0x39, 0x06, 0xF7, 0xA3, 0x34, 0x24, 0x14, 0xEF, 0xCF, 0xB3,
    0xA3, 0x85, 0xD4, 0x4C, 0xD1, 0xFD, 0x45, 0x90, 0x89, 0xD1, 0x9B, 0x50, 0x71, 0xC0, 0xB7, 0xA0};
constexpr std::array<BYTE, 48> policy_b_sha384 = {
    0xB2, 0x6E, 0x7D, 0x28, 0xD1, 0x1A, 0x50, 0xBC, 0x53, 0xD8, 0x82, 0xBC, 0xF5, 0xFD, 0x3A, 0x1A,
    0x07, 0x41, 0x48, 0xBB, 0x35, 0xD3, 0xB4, 0xE4, 0xCB, 0x1C, 0x0A, 0xD9, 0xBD, 0xE4, 0x19, 0xCA,
    0xCB, 0x47, 0xBA, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0F, 0x9F, 0xC0, 0x00, 0xF3, 0xF8, 0x0E, 0x12};

std::span<const BYTE> policy_of(EkAlgorithm algorithm, bool high_range) {
    if (algorithm == EkAlgorithm::p384) {
        return policy_b_sha384;
    }
    return high_range ? policy_b_sha256 : policy_a;
}

void make_symmetric(TPMT_SYM_DEF_OBJECT &symmetric, EkAlgorithm algorithm) {
    symmetric.algorithm = TPM2_ALG_AES;
    symmetric.keyBits.aes = algorithm == EkAlgorithm::p384 ? 256 : 128;
    symmetric.mode.aes = TPM2_ALG_CFB;
}

void make_rsa(TPMT_PUBLIC &area, bool high_range) {
    constexpr UINT16 bits = 2'048;
    area.type = TPM2_ALG_RSA;
    auto &rsa = area.parameters.rsaDetail;
    make_symmetric(rsa.symmetric, EkAlgorithm::rsa2048);
    rsa.scheme.scheme = TPM2_ALG_NULL;
    rsa.keyBits = bits;
    area.unique.rsa.size = high_range ? 0 : bits / 8;
}

void make_ecc(TPMT_PUBLIC &area, EkAlgorithm algorithm, bool high_range) {
    constexpr UINT16 coordinate_bytes = 32;
    area.type = TPM2_ALG_ECC;
    auto &ecc = area.parameters.eccDetail;
    make_symmetric(ecc.symmetric, algorithm);
    ecc.scheme.scheme = TPM2_ALG_NULL;
    ecc.curveID = algorithm == EkAlgorithm::p384 ? TPM2_ECC_NIST_P384 : TPM2_ECC_NIST_P256;
    ecc.kdf.scheme = TPM2_ALG_NULL;
    area.unique.ecc.x.size = high_range ? 0 : coordinate_bytes;
    area.unique.ecc.y.size = area.unique.ecc.x.size;
}

bool is_same_algorithm(const TPMT_PUBLIC &one, const TPMT_PUBLIC &other) {
    if (one.type != other.type) {
        return false;
    }
    return one.type == TPM2_ALG_RSA ? one.parameters.rsaDetail.keyBits == other.parameters.rsaDetail.keyBits
                                    : one.parameters.eccDetail.curveID == other.parameters.eccDetail.curveID;
}

bool is_endorsement(const TPMT_PUBLIC &area) {
    constexpr TPMA_OBJECT must = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                 TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_RESTRICTED |
                                 TPMA_OBJECT_DECRYPT;
    return (area.objectAttributes & (must | TPMA_OBJECT_SIGN_ENCRYPT)) == must;
}

// All of a field of this size, the nonce and then zeros.
template <typename Field>
bool put(Field &field, std::size_t size, const Bytes &nonce) {
    if (nonce.size() > size) {
        return false;
    }
    std::ranges::fill(field.buffer, 0);
    std::ranges::copy(nonce, field.buffer);
    field.size = static_cast<UINT16>(size);
    return true;
}

bool put_nonce(TPMT_PUBLIC &area, const Bytes &nonce) {
    if (area.type == TPM2_ALG_RSA) {
        return put(area.unique.rsa, area.parameters.rsaDetail.keyBits / 8U, nonce);
    }
    constexpr std::size_t p256_bytes = 32; // nonces are of the low range only
    return put(area.unique.ecc.x, p256_bytes, nonce) && put(area.unique.ecc.y, p256_bytes, {});
}

} // namespace

Result<TPM2B_PUBLIC> makers_template(const TPM2B_PUBLIC &standard, const std::optional<Bytes> &left,
                                     const std::optional<Bytes> &nonce) {
    TPM2B_PUBLIC made = standard;
    if (left) {
        std::size_t at = 0;
        made = {};
        if (Tss2_MU_TPMT_PUBLIC_Unmarshal(left->data(), left->size(), &at, &made.publicArea) !=
                TSS2_RC_SUCCESS ||
            at != left->size() || !is_same_algorithm(made.publicArea, standard.publicArea)) {
            return fail(Code::tpm_failed, "the template of the endorsement key that the maker left in the "
                                          "TPM is none for this kind of key");
        }
        if (!is_endorsement(made.publicArea)) {
            return fail(Code::tpm_failed, "the template that the maker left in the TPM is for a key that "
                                          "can do more than an endorsement key");
        }
    }
    if (nonce && !nonce->empty() && !put_nonce(made.publicArea, *nonce)) {
        return fail(Code::tpm_failed, "the nonce of the endorsement key that the maker left in the TPM is "
                                      "longer than the field that it is for");
    }
    return made;
}

TPM2B_PUBLIC ek_template(EkAlgorithm algorithm, bool high_range) {
    high_range = high_range || algorithm == EkAlgorithm::p384;
    TPM2B_PUBLIC key{};
    auto &area = key.publicArea;
    area.nameAlg = algorithm == EkAlgorithm::p384 ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256;
    area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                            TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
                            (high_range ? TPMA_OBJECT_USERWITHAUTH : 0);
    const auto policy = policy_of(algorithm, high_range);
    area.authPolicy.size = static_cast<UINT16>(policy.size());
    std::ranges::copy(policy, area.authPolicy.buffer);
    if (algorithm == EkAlgorithm::rsa2048) {
        make_rsa(area, high_range);
    } else {
        make_ecc(area, algorithm, high_range);
    }
    return key;
}

} // namespace dsmil::tpm
