// SPDX-License-Identifier: Apache-2.0
#include "tpm/templates.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <tss2/tss2_mu.h>
#include <vector>

namespace dsmil::tpm {
namespace {

constexpr std::size_t coordinate_bytes = 32; // of P-256

constexpr TPMA_OBJECT bound = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                              TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA;

TPMA_OBJECT attributes_of(Use use) {
    switch (use) {
    case Use::attest:
        return bound | TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_RESTRICTED;
    case Use::decrypt:
        return bound | TPMA_OBJECT_DECRYPT;
    default:
        return bound | TPMA_OBJECT_SIGN_ENCRYPT;
    }
}

void make_ecc(TPMS_ECC_PARMS &ecc, Algorithm algorithm) {
    const bool larger = algorithm == Algorithm::p384;
    ecc.symmetric.algorithm = TPM2_ALG_NULL;
    ecc.scheme.scheme = TPM2_ALG_ECDSA;
    ecc.scheme.details.ecdsa.hashAlg = larger ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256;
    ecc.curveID = larger ? TPM2_ECC_NIST_P384 : TPM2_ECC_NIST_P256;
    ecc.kdf.scheme = TPM2_ALG_NULL;
}

void make_rsa(TPMS_RSA_PARMS &rsa, Use use) {
    rsa.symmetric.algorithm = TPM2_ALG_NULL;
    rsa.scheme.scheme = use == Use::decrypt ? TPM2_ALG_OAEP : TPM2_ALG_RSASSA;
    if (use == Use::decrypt) {
        rsa.scheme.details.oaep.hashAlg = TPM2_ALG_SHA256;
    } else {
        rsa.scheme.details.rsassa.hashAlg = TPM2_ALG_SHA256;
    }
    rsa.keyBits = 2048;
}

// As the TPM would see it, without the part that each key has of its own.
std::vector<BYTE> encoded(TPMT_PUBLIC area) {
    area.unique = {};
    std::vector<BYTE> bytes(sizeof(area));
    std::size_t size = 0;
    if (Tss2_MU_TPMT_PUBLIC_Marshal(&area, bytes.data(), bytes.size(), &size) != TSS2_RC_SUCCESS) {
        return {};
    }
    bytes.resize(size);
    return bytes;
}

} // namespace

TPM2B_PUBLIC key_template(Algorithm algorithm, Use use) {
    TPM2B_PUBLIC key{};
    key.publicArea.type = algorithm == Algorithm::rsa2048 ? TPM2_ALG_RSA : TPM2_ALG_ECC;
    key.publicArea.nameAlg = TPM2_ALG_SHA256;
    key.publicArea.objectAttributes = attributes_of(use);
    if (algorithm == Algorithm::rsa2048) {
        make_rsa(key.publicArea.parameters.rsaDetail, use);
    } else {
        make_ecc(key.publicArea.parameters.eccDetail, algorithm);
    }
    return key;
}

TPM2B_PUBLIC storage_root_template() {
    TPM2B_PUBLIC root{};
    root.publicArea.type = TPM2_ALG_ECC;
    root.publicArea.nameAlg = TPM2_ALG_SHA256;
    root.publicArea.objectAttributes = bound | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
    auto &ecc = root.publicArea.parameters.eccDetail;
    ecc.symmetric.algorithm = TPM2_ALG_AES;
    ecc.symmetric.keyBits.aes = 128;
    ecc.symmetric.mode.aes = TPM2_ALG_CFB;
    ecc.scheme.scheme = TPM2_ALG_NULL;
    ecc.curveID = TPM2_ECC_NIST_P256;
    ecc.kdf.scheme = TPM2_ALG_NULL;
    // The TCG's storage template has zeros of the coordinates' length here.
    root.publicArea.unique.ecc.x.size = coordinate_bytes;
    root.publicArea.unique.ecc.y.size = coordinate_bytes;
    return root;
}

bool fits(const TPM2B_PUBLIC &key, const TPM2B_PUBLIC &wanted) {
    const auto is = encoded(key.publicArea);
    return !is.empty() && is == encoded(wanted.publicArea);
}

} // namespace dsmil::tpm
