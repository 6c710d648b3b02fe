// SPDX-License-Identifier: Apache-2.0
#include "tpm/public_key.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <format>
#include <memory>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <tss2/tss2_mu.h>

namespace dsmil::tpm {
namespace {

struct Deleter {
    void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
    void operator()(EVP_PKEY_CTX *context) const { EVP_PKEY_CTX_free(context); }
    void operator()(BIO *bio) const { BIO_free(bio); }
    void operator()(ECDSA_SIG *signature) const { ECDSA_SIG_free(signature); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter>;

constexpr std::uint32_t usual_exponent = 65537; // for which the TPM writes 0

std::unexpected<Error> no_key() {
    return fail(Code::tpm_failed, "the TPM gave a public key that is none");
}

KeyPtr from_parameters(const char *type, std::span<OSSL_PARAM> parameters) {
    const std::unique_ptr<EVP_PKEY_CTX, Deleter> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY *made = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.data()) != 1) {
        return nullptr;
    }
    return KeyPtr(made);
}

KeyPtr ecc_key(const TPMT_PUBLIC &key) {
    const bool larger = key.parameters.eccDetail.curveID == TPM2_ECC_NIST_P384;
    if (!larger && key.parameters.eccDetail.curveID != TPM2_ECC_NIST_P256) {
        return nullptr;
    }
    const std::size_t coordinate = larger ? 48 : 32;
    const auto &[x, y] = key.unique.ecc;
    if (x.size > coordinate || y.size > coordinate) {
        return nullptr;
    }
    Bytes point(1 + 2 * coordinate, 0);
    point[0] = 0x04; // uncompressed
    std::memcpy(&point[1 + coordinate - x.size], x.buffer, x.size);
    std::memcpy(&point[1 + 2 * coordinate - y.size], y.buffer, y.size);
    std::string group = larger ? "secp384r1" : "prime256v1";
    std::array parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size()),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
        OSSL_PARAM_construct_end(),
    };
    return from_parameters("EC", parameters);
}

KeyPtr rsa_key(const TPMT_PUBLIC &key) {
    const auto &modulus = key.unique.rsa;
    if (modulus.size == 0 || key.parameters.rsaDetail.exponent != 0) {
        return nullptr;
    }
    // OpenSSL takes numbers in the processor's order: little-endian here.
    Bytes number(modulus.buffer, modulus.buffer + modulus.size);
    std::ranges::reverse(number);
    std::uint32_t exponent = usual_exponent;
    std::array parameters = {
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, number.data(), number.size()),
        OSSL_PARAM_construct_uint32(OSSL_PKEY_PARAM_RSA_E, &exponent),
        OSSL_PARAM_construct_end(),
    };
    return from_parameters("RSA", parameters);
}

Result<Bytes> ecdsa_der(const TPMS_SIGNATURE_ECC &ecdsa) {
    const std::unique_ptr<ECDSA_SIG, Deleter> parts(ECDSA_SIG_new());
    const auto &[hash, r, s] = ecdsa;
    ECDSA_SIG_set0(parts.get(), BN_bin2bn(r.buffer, r.size, nullptr), BN_bin2bn(s.buffer, s.size, nullptr));
    unsigned char *der = nullptr;
    const int length = i2d_ECDSA_SIG(parts.get(), &der);
    if (length <= 0) {
        return fail(Code::tpm_failed, "the TPM gave a signature that is none");
    }
    Bytes encoded(der, der + length);
    OPENSSL_free(der);
    return encoded;
}

bool put_number(const BIGNUM *number, TPM2B_ECC_PARAMETER &place) {
    const int size = BN_num_bytes(number);
    if (size <= 0 || static_cast<std::size_t>(size) > sizeof(place.buffer)) {
        return false;
    }
    place.size = static_cast<UINT16>(BN_bn2bin(number, place.buffer));
    return true;
}

std::unexpected<Error> no_signature() {
    return fail(Code::usage, "the signature is not one of such a key");
}

} // namespace

Result<Bytes> spki_of(const TPM2B_PUBLIC &key) {
    const KeyPtr made = key.publicArea.type == TPM2_ALG_RSA   ? rsa_key(key.publicArea)
                        : key.publicArea.type == TPM2_ALG_ECC ? ecc_key(key.publicArea)
                                                              : nullptr;
    unsigned char *der = nullptr;
    const int length = made ? i2d_PUBKEY(made.get(), &der) : 0;
    if (length <= 0) {
        return no_key();
    }
    Bytes spki(der, der + length);
    OPENSSL_free(der);
    return spki;
}

std::string spki_to_pem(ByteView spki) {
    const unsigned char *at = spki.data();
    const KeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
    const std::unique_ptr<BIO, Deleter> out(BIO_new(BIO_s_mem()));
    if (!key || !out || PEM_write_bio_PUBKEY(out.get(), key.get()) != 1) {
        return {};
    }
    char *data = nullptr;
    const long length = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(length)};
}

Result<TPM2B_PUBLIC> external_key(ByteView spki) {
    constexpr std::size_t coordinate = 32;
    const unsigned char *at = spki.data();
    const KeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
    std::array<unsigned char, 1 + 2 * coordinate> point{};
    std::array<char, 32> group{};
    std::size_t size = 0;
    if (!key || at != spki.data() + spki.size() ||
        EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), nullptr) != 1 ||
        std::string_view(group.data()) != "prime256v1" ||
        EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(),
                                        &size) != 1 ||
        size != point.size() || point.front() != 0x04) {
        return fail(Code::usage, "it is no P-256 public key");
    }
    TPM2B_PUBLIC area{};
    area.publicArea.type = TPM2_ALG_ECC;
    area.publicArea.nameAlg = TPM2_ALG_SHA256;
    area.publicArea.objectAttributes =
        TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_DECRYPT;
    auto &ecc = area.publicArea.parameters.eccDetail;
    ecc.symmetric.algorithm = TPM2_ALG_NULL;
    ecc.scheme.scheme = TPM2_ALG_NULL;
    ecc.curveID = TPM2_ECC_NIST_P256;
    ecc.kdf.scheme = TPM2_ALG_NULL;
    auto &[x, y] = area.publicArea.unique.ecc;
    x.size = coordinate;
    y.size = coordinate;
    std::copy_n(&point[1], coordinate, x.buffer);
    std::copy_n(&point[1 + coordinate], coordinate, y.buffer);
    return area;
}

Result<Bytes> signature_bytes(const TPMT_SIGNATURE &signature) {
    if (signature.sigAlg == TPM2_ALG_ECDSA) {
        return ecdsa_der(signature.signature.ecdsa);
    }
    const auto &rsa = signature.signature.rsassa.sig;
    if (signature.sigAlg != TPM2_ALG_RSASSA || rsa.size == 0) {
        return fail(Code::tpm_failed, "the TPM gave a signature of a kind that nobody asked for");
    }
    return Bytes(rsa.buffer, rsa.buffer + rsa.size);
}

Result<TPMT_SIGNATURE> parse_signature(const TPMT_PUBLIC &key, ByteView signature) {
    TPMT_SIGNATURE parsed{};
    if (key.type == TPM2_ALG_RSA) {
        auto &rsa = parsed.signature.rsassa;
        if (signature.empty() || signature.size() > sizeof(rsa.sig.buffer)) {
            return no_signature();
        }
        parsed.sigAlg = TPM2_ALG_RSASSA;
        rsa.hash = key.parameters.rsaDetail.scheme.details.rsassa.hashAlg;
        rsa.sig.size = static_cast<UINT16>(signature.size());
        std::ranges::copy(signature, rsa.sig.buffer);
        return parsed;
    }
    const unsigned char *at = signature.data();
    const std::unique_ptr<ECDSA_SIG, Deleter> parts(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size())));
    parsed.sigAlg = TPM2_ALG_ECDSA;
    auto &ecdsa = parsed.signature.ecdsa;
    ecdsa.hash = key.parameters.eccDetail.scheme.details.ecdsa.hashAlg;
    if (!parts || at != signature.data() + signature.size() ||
        !put_number(ECDSA_SIG_get0_r(parts.get()), ecdsa.signatureR) ||
        !put_number(ECDSA_SIG_get0_s(parts.get()), ecdsa.signatureS)) {
        return no_signature();
    }
    return parsed;
}

Result<Bytes> marshal(const TPMT_SIGNATURE &signature) {
    Bytes bytes(sizeof(TPMT_SIGNATURE));
    std::size_t size = 0;
    if (Tss2_MU_TPMT_SIGNATURE_Marshal(&signature, bytes.data(), bytes.size(), &size) != 0) {
        return fail(Code::tpm_failed, "the TPM gave a signature that is none");
    }
    bytes.resize(size);
    return bytes;
}

} // namespace dsmil::tpm
