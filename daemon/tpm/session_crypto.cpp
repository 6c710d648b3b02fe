// SPDX-License-Identifier: Apache-2.0
#include "tpm/session_crypto.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <span>
#include <tss2/tss2_mu.h>
#include <utility>
#include <vector>

namespace dsmil::tpm {
namespace {

template <typename T, void (*Free)(T *)>
struct Deleter {
    void operator()(T *object) const { Free(object); }
};
template <typename T, void (*Free)(T *)>
using Owned = std::unique_ptr<T, Deleter<T, Free>>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using CipherContext = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using Number = Owned<BIGNUM, BN_free>;

// What one hash or HMAC under way is; tpm2-tss has a pointer to it that says nothing.
struct Running {
    Owned<EVP_MD_CTX, EVP_MD_CTX_free> hash;
    Owned<EVP_MAC_CTX, EVP_MAC_CTX_free> mac;
    std::size_t size = 0; // of the digest
};

Running *of(ESYS_CRYPTO_CONTEXT_BLOB *blob) {
    return reinterpret_cast<Running *>(blob);
}

struct Algorithm {
    TPM2_ALG_ID id;
    const char *name;
    std::size_t size;
    EVP_MD *fetched;
};

// Fetched once and never freed: sessions live as long as the process.
const Algorithm *algorithm(TPM2_ALG_ID id) {
    static const std::array all = {
        Algorithm{TPM2_ALG_SHA1, "SHA1", 20, EVP_MD_fetch(nullptr, "SHA1", nullptr)},
        Algorithm{TPM2_ALG_SHA256, "SHA2-256", 32, EVP_MD_fetch(nullptr, "SHA2-256", nullptr)},
        Algorithm{TPM2_ALG_SHA384, "SHA2-384", 48, EVP_MD_fetch(nullptr, "SHA2-384", nullptr)},
        Algorithm{TPM2_ALG_SHA512, "SHA2-512", 64, EVP_MD_fetch(nullptr, "SHA2-512", nullptr)},
    };
    const auto *const found = std::ranges::find(all, id, &Algorithm::id);
    return found != all.end() && found->fetched != nullptr ? &*found : nullptr;
}

TSS2_RC start(ESYS_CRYPTO_CONTEXT_BLOB **context, std::unique_ptr<Running> running, bool good) {
    if (!good) {
        return TSS2_ESYS_RC_GENERAL_FAILURE;
    }
    *context = reinterpret_cast<ESYS_CRYPTO_CONTEXT_BLOB *>(running.release());
    return TSS2_RC_SUCCESS;
}

// The object goes in any case but that of a place too small.
template <typename Finish>
TSS2_RC finish(ESYS_CRYPTO_CONTEXT_BLOB **context, const std::size_t *size, Finish finish) {
    if (context == nullptr || *context == nullptr) {
        return TSS2_ESYS_RC_BAD_REFERENCE;
    }
    if (*size < of(*context)->size) {
        return TSS2_ESYS_RC_BAD_SIZE;
    }
    const std::unique_ptr<Running> running(of(*context));
    *context = nullptr;
    return finish(*running) ? TSS2_RC_SUCCESS : TSS2_ESYS_RC_GENERAL_FAILURE;
}

TSS2_RC hash_start(ESYS_CRYPTO_CONTEXT_BLOB **context, TPM2_ALG_ID id, void * /*userdata*/) {
    const Algorithm *const wanted = algorithm(id);
    if (context == nullptr || wanted == nullptr) {
        return context == nullptr ? TSS2_ESYS_RC_BAD_REFERENCE : TSS2_ESYS_RC_NOT_IMPLEMENTED;
    }
    auto running = std::make_unique<Running>();
    running->size = wanted->size;
    running->hash.reset(EVP_MD_CTX_new());
    const bool good = running->hash && EVP_DigestInit_ex2(running->hash.get(), wanted->fetched, nullptr) == 1;
    return start(context, std::move(running), good);
}

TSS2_RC hash_update(ESYS_CRYPTO_CONTEXT_BLOB *context, const std::uint8_t *bytes, std::size_t size,
                    void * /*userdata*/) {
    if (context == nullptr || !of(context)->hash) {
        return TSS2_ESYS_RC_BAD_REFERENCE;
    }
    return EVP_DigestUpdate(of(context)->hash.get(), bytes, size) == 1 ? TSS2_RC_SUCCESS
                                                                       : TSS2_ESYS_RC_GENERAL_FAILURE;
}

TSS2_RC hash_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, std::uint8_t *place, std::size_t *size,
                    void * /*userdata*/) {
    return finish(context, size, [&](const Running &running) {
        *size = running.size;
        return running.hash && EVP_DigestFinal_ex(running.hash.get(), place, nullptr) == 1;
    });
}

void forget(ESYS_CRYPTO_CONTEXT_BLOB **context, void * /*userdata*/) {
    if (context != nullptr) {
        const std::unique_ptr<Running> gone(of(std::exchange(*context, nullptr)));
    }
}

TSS2_RC hmac_start(ESYS_CRYPTO_CONTEXT_BLOB **context, TPM2_ALG_ID id, const std::uint8_t *key,
                   std::size_t size, void * /*userdata*/) {
    static EVP_MAC *const hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    const Algorithm *const wanted = algorithm(id);
    if (context == nullptr || wanted == nullptr) {
        return context == nullptr ? TSS2_ESYS_RC_BAD_REFERENCE : TSS2_ESYS_RC_NOT_IMPLEMENTED;
    }
    std::array<char, 16> name{};
    std::strncpy(name.data(), wanted->name, name.size() - 1);
    const std::array parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
        OSSL_PARAM_construct_end(),
    };
    // A key of no bytes is one, and not the absence of one.
    const std::uint8_t nothing = 0;
    auto running = std::make_unique<Running>();
    running->size = wanted->size;
    running->mac.reset(hmac != nullptr ? EVP_MAC_CTX_new(hmac) : nullptr);
    const bool good = running->mac && EVP_MAC_init(running->mac.get(), key != nullptr ? key : &nothing, size,
                                                   parameters.data()) == 1;
    return start(context, std::move(running), good);
}

TSS2_RC hmac_update(ESYS_CRYPTO_CONTEXT_BLOB *context, const std::uint8_t *bytes, std::size_t size,
                    void * /*userdata*/) {
    if (context == nullptr || !of(context)->mac) {
        return TSS2_ESYS_RC_BAD_REFERENCE;
    }
    return EVP_MAC_update(of(context)->mac.get(), bytes, size) == 1 ? TSS2_RC_SUCCESS
                                                                    : TSS2_ESYS_RC_GENERAL_FAILURE;
}

TSS2_RC hmac_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, std::uint8_t *place, std::size_t *size,
                    void * /*userdata*/) {
    return finish(context, size, [&](const Running &running) {
        std::size_t written = 0;
        const std::size_t capacity = *size;
        const bool good = running.mac && EVP_MAC_final(running.mac.get(), place, &written, capacity) == 1;
        *size = written;
        return good;
    });
}

TSS2_RC random_bytes(TPM2B_NONCE *nonce, std::size_t size, void * /*userdata*/) {
    if (nonce == nullptr || size > sizeof(nonce->buffer)) {
        return TSS2_ESYS_RC_BAD_SIZE;
    }
    nonce->size = static_cast<UINT16>(size);
    return RAND_bytes(nonce->buffer, static_cast<int>(size)) == 1 ? TSS2_RC_SUCCESS
                                                                  : TSS2_ESYS_RC_GENERAL_FAILURE;
}

/* ---------------------------------------------------- salts of sessions -- */

struct Curve {
    TPM2_ECC_CURVE id;
    const char *name;
    std::size_t size; // of a coordinate
};
constexpr std::array<Curve, 3> curves = {{
    {TPM2_ECC_NIST_P256, "P-256", 32},
    {TPM2_ECC_NIST_P384, "P-384", 48},
    {TPM2_ECC_NIST_P521, "P-521", 66},
}};

// The TPM's key: 0x04, both coordinates as long as the field.
Key point_of(const Curve &curve, const TPMS_ECC_POINT &point) {
    if (point.x.size > curve.size || point.y.size > curve.size) {
        return nullptr;
    }
    std::vector<std::uint8_t> encoded(1 + 2 * curve.size);
    const std::span<std::uint8_t> place(encoded);
    place[0] = 0x04;
    std::copy_n(point.x.buffer, point.x.size, place.subspan(1 + curve.size - point.x.size).begin());
    std::copy_n(point.y.buffer, point.y.size, place.last(point.y.size).begin());
    std::array<char, 8> group{};
    std::strncpy(group.data(), curve.name, group.size() - 1);
    std::array parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, encoded.data(), encoded.size()),
        OSSL_PARAM_construct_end(),
    };
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    EVP_PKEY *made = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.data()) != 1) {
        return nullptr;
    }
    return Key(made);
}

bool take_coordinate(const Key &key, const char *name, std::size_t size, TPM2B_ECC_PARAMETER &place) {
    BIGNUM *number = nullptr;
    const bool got = EVP_PKEY_get_bn_param(key.get(), name, &number) == 1;
    const Number owned(number);
    place.size = static_cast<UINT16>(size);
    return got && BN_bn2binpad(number, place.buffer, static_cast<int>(size)) == static_cast<int>(size);
}

// TPM 2.0 Library, Part 1, C.6.1: an ephemeral key of ours with the TPM's.
TSS2_RC ecdh_point(TPM2B_PUBLIC *key, std::size_t capacity, TPM2B_ECC_PARAMETER *shared, TPMS_ECC_POINT *own,
                   BYTE *place, std::size_t *size, void * /*userdata*/) {
    const auto *const curve =
        std::ranges::find(curves, key->publicArea.parameters.eccDetail.curveID, &Curve::id);
    if (curve == curves.end()) {
        return TSS2_ESYS_RC_NOT_IMPLEMENTED;
    }
    const Key theirs = point_of(*curve, key->publicArea.unique.ecc);
    const Key ours(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve->name));
    const KeyContext context(ours ? EVP_PKEY_CTX_new_from_pkey(nullptr, ours.get(), nullptr) : nullptr);
    std::size_t length = sizeof(shared->buffer);
    if (!theirs || !context || EVP_PKEY_derive_init(context.get()) != 1 ||
        EVP_PKEY_derive_set_peer(context.get(), theirs.get()) != 1 ||
        EVP_PKEY_derive(context.get(), shared->buffer, &length) != 1 ||
        !take_coordinate(ours, OSSL_PKEY_PARAM_EC_PUB_X, curve->size, own->x) ||
        !take_coordinate(ours, OSSL_PKEY_PARAM_EC_PUB_Y, curve->size, own->y)) {
        return TSS2_ESYS_RC_GENERAL_FAILURE;
    }
    shared->size = static_cast<UINT16>(length);
    std::size_t at = 0;
    const TSS2_RC code = Tss2_MU_TPMS_ECC_POINT_Marshal(own, place, capacity, &at);
    *size = at;
    return code;
}

Key rsa_key(const TPM2B_PUBLIC &key) {
    const auto &modulus = key.publicArea.unique.rsa;
    const UINT32 exponent = key.publicArea.parameters.rsaDetail.exponent;
    const Number n(BN_bin2bn(modulus.buffer, modulus.size, nullptr));
    const Number e(BN_new());
    const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
    if (!n || !e || !builder || BN_set_word(e.get(), exponent == 0 ? RSA_F4 : exponent) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
        return nullptr;
    }
    const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    EVP_PKEY *made = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
        return nullptr;
    }
    return Key(made);
}

// TPM 2.0 Library, Part 1, B.4: OAEP with the hash of the key's Name; the label ends with its NUL.
TSS2_RC rsa_encrypt(TPM2B_PUBLIC *key, std::size_t size, BYTE *bytes, std::size_t capacity, BYTE *place,
                    std::size_t *written, const char *label, void * /*userdata*/) {
    const Algorithm *const hash = algorithm(key->publicArea.nameAlg);
    const Key public_key = rsa_key(*key);
    const KeyContext context(public_key ? EVP_PKEY_CTX_new_from_pkey(nullptr, public_key.get(), nullptr)
                                        : nullptr);
    if (hash == nullptr || !context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), hash->fetched) != 1 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), hash->fetched) != 1) {
        return hash == nullptr ? TSS2_ESYS_RC_NOT_IMPLEMENTED : TSS2_ESYS_RC_GENERAL_FAILURE;
    }
    const std::size_t label_size = std::strlen(label) + 1;
    auto *const copy = static_cast<char *>(OPENSSL_memdup(label, label_size)); // the context's from here on
    if (copy == nullptr ||
        EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), copy, static_cast<int>(label_size)) != 1) {
        OPENSSL_free(copy);
        return TSS2_ESYS_RC_GENERAL_FAILURE;
    }
    *written = capacity;
    return EVP_PKEY_encrypt(context.get(), place, written, bytes, size) == 1 ? TSS2_RC_SUCCESS
                                                                             : TSS2_ESYS_RC_GENERAL_FAILURE;
}

/* ------------------------------------------------------------ parameters -- */

const EVP_CIPHER *cipher(TPMI_AES_KEY_BITS bits) {
    static const std::array<std::pair<TPMI_AES_KEY_BITS, EVP_CIPHER *>, 3> all = {{
        {128, EVP_CIPHER_fetch(nullptr, "AES-128-CFB", nullptr)},
        {192, EVP_CIPHER_fetch(nullptr, "AES-192-CFB", nullptr)},
        {256, EVP_CIPHER_fetch(nullptr, "AES-256-CFB", nullptr)},
    }};
    const auto *const found =
        std::ranges::find(all, bits, &std::pair<TPMI_AES_KEY_BITS, EVP_CIPHER *>::first);
    return found != all.end() ? found->second : nullptr;
}

TSS2_RC crypt(bool encrypt, const std::uint8_t *key, TPMI_AES_KEY_BITS bits, TPM2_ALG_ID algorithm_id,
              TPM2_ALG_ID mode, std::span<std::uint8_t> bytes, const std::uint8_t *iv) {
    const EVP_CIPHER *const wanted =
        algorithm_id == TPM2_ALG_AES && mode == TPM2_ALG_CFB ? cipher(bits) : nullptr;
    if (wanted == nullptr) {
        return TSS2_ESYS_RC_NOT_IMPLEMENTED;
    }
    const CipherContext context(EVP_CIPHER_CTX_new());
    int size = 0;
    const bool good =
        context && EVP_CipherInit_ex2(context.get(), wanted, key, iv, encrypt ? 1 : 0, nullptr) == 1 &&
        EVP_CipherUpdate(context.get(), bytes.data(), &size, bytes.data(), static_cast<int>(bytes.size())) ==
            1 &&
        static_cast<std::size_t>(size) == bytes.size();
    return good ? TSS2_RC_SUCCESS : TSS2_ESYS_RC_GENERAL_FAILURE;
}

TSS2_RC aes_encrypt(std::uint8_t *key, TPM2_ALG_ID algorithm_id, TPMI_AES_KEY_BITS bits, TPM2_ALG_ID mode,
                    std::uint8_t *bytes, std::size_t size, std::uint8_t *iv, void * /*userdata*/) {
    return crypt(true, key, bits, algorithm_id, mode, {bytes, size}, iv);
}

TSS2_RC aes_decrypt(std::uint8_t *key, TPM2_ALG_ID algorithm_id, TPMI_AES_KEY_BITS bits, TPM2_ALG_ID mode,
                    std::uint8_t *bytes, std::size_t size, std::uint8_t *iv, void * /*userdata*/) {
    return crypt(false, key, bits, algorithm_id, mode, {bytes, size}, iv);
}

// No session of ours uses it.
TSS2_RC no_sm4(std::uint8_t * /*key*/, TPM2_ALG_ID /*algorithm_id*/, TPMI_SM4_KEY_BITS /*bits*/,
               TPM2_ALG_ID /*mode*/, std::uint8_t * /*bytes*/, std::size_t /*size*/, std::uint8_t * /*iv*/,
               void * /*userdata*/) {
    return TSS2_ESYS_RC_NOT_IMPLEMENTED;
}

} // namespace

ESYS_CRYPTO_CALLBACKS session_crypto() {
    return {
        .rsa_pk_encrypt = rsa_encrypt,
        .hash_start = hash_start,
        .hash_update = hash_update,
        .hash_finish = hash_finish,
        .hash_abort = forget,
        .hmac_start = hmac_start,
        .hmac_update = hmac_update,
        .hmac_finish = hmac_finish,
        .hmac_abort = forget,
        .get_random2b = random_bytes,
        .get_ecdh_point = ecdh_point,
        .aes_encrypt = aes_encrypt,
        .aes_decrypt = aes_decrypt,
        .sm4_encrypt = no_sm4,
        .sm4_decrypt = no_sm4,
        .init = nullptr,
        .userdata = nullptr,
    };
}

} // namespace dsmil::tpm
