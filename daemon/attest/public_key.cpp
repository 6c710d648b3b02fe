// SPDX-License-Identifier: Apache-2.0
#include "attest/public_key.hpp"

#include "attest/reader.hpp"
#include "attest/writer.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <tss2/tss2_tpm2_types.h>

namespace dsmil::attest {
namespace {

constexpr int min_rsa_bits = 2048;
constexpr int max_rsa_bits = 4096;
constexpr std::uint32_t default_exponent = 65537;
constexpr int min_exponent_bits = 17;
constexpr int max_exponent_bits = 32; // of a TPM's field
constexpr std::size_t max_file_bytes = 65536;

struct Deleter {
    void operator()(BIO *bio) const { BIO_free(bio); }
    void operator()(EVP_PKEY_CTX *context) const { EVP_PKEY_CTX_free(context); }
    void operator()(OSSL_PARAM_BLD *builder) const { OSSL_PARAM_BLD_free(builder); }
    void operator()(OSSL_PARAM *params) const { OSSL_PARAM_free(params); }
    void operator()(BIGNUM *number) const { BN_free(number); }
};

std::unexpected<Error> malformed(std::string detail) {
    return fail(Code::malformed, std::move(detail));
}

// Without it OpenSSL asks the terminal for the password of a PEM that says it has one.
int no_password(char * /*buffer*/, int /*size*/, int /*writing*/, void * /*data*/) {
    return -1;
}

// Odd and beyond 2^16 (FIPS 186-5, 5.1). With 1 everybody signs.
bool is_sound_exponent(const EVP_PKEY *key) {
    BIGNUM *number = nullptr;
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &number);
    const std::unique_ptr<BIGNUM, Deleter> exponent(number);
    return exponent && BN_is_odd(exponent.get()) == 1 && BN_num_bits(exponent.get()) >= min_exponent_bits &&
           BN_num_bits(exponent.get()) <= max_exponent_bits;
}

std::optional<KeyKind> kind_of(const EVP_PKEY *key) {
    if (EVP_PKEY_is_a(key, "RSA") == 1) {
        const int bits = EVP_PKEY_get_bits(key);
        return bits >= min_rsa_bits && bits <= max_rsa_bits && is_sound_exponent(key)
                   ? std::optional(KeyKind::rsa)
                   : std::nullopt;
    }
    std::array<char, 32> group{};
    if (EVP_PKEY_is_a(key, "EC") != 1 ||
        EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1) {
        return std::nullopt;
    }
    const std::string_view name(group.data());
    if (name == "prime256v1") {
        return KeyKind::p256;
    }
    return name == "secp384r1" ? std::optional(KeyKind::p384) : std::nullopt;
}

KeyPointer key_of(const char *type, OSSL_PARAM *params) {
    const std::unique_ptr<EVP_PKEY_CTX, Deleter> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY *key = nullptr;
    // EVP_PKEY_fromdata refuses a point that is not on its curve.
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        return nullptr;
    }
    return KeyPointer(key);
}

KeyPointer rsa_key(ByteView modulus, std::uint32_t exponent) {
    const std::unique_ptr<BIGNUM, Deleter> n(
        BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
    const std::unique_ptr<BIGNUM, Deleter> e(BN_new());
    const std::unique_ptr<OSSL_PARAM_BLD, Deleter> builder(OSSL_PARAM_BLD_new());
    if (!n || !e || !builder || BN_set_word(e.get(), exponent) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
        return nullptr;
    }
    const std::unique_ptr<OSSL_PARAM, Deleter> params(OSSL_PARAM_BLD_to_param(builder.get()));
    return key_of("RSA", params.get());
}

KeyPointer ec_key(const char *group, std::size_t field, ByteView x, ByteView y) {
    if (x.size() > field || y.size() > field || x.empty() || y.empty()) {
        return nullptr;
    }
    Bytes point(1 + 2 * field);
    point[0] = 4; // uncompressed; a TPM may leave leading zeros out
    std::ranges::copy(x, point.begin() + static_cast<std::ptrdiff_t>(1 + field - x.size()));
    std::ranges::copy(y, point.begin() + static_cast<std::ptrdiff_t>(1 + 2 * field - y.size()));
    const std::unique_ptr<OSSL_PARAM_BLD, Deleter> builder(OSSL_PARAM_BLD_new());
    if (!builder ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()) != 1) {
        return nullptr;
    }
    const std::unique_ptr<OSSL_PARAM, Deleter> params(OSSL_PARAM_BLD_to_param(builder.get()));
    return key_of("EC", params.get());
}

// TPMT_SYM_DEF_OBJECT: what follows the algorithm is there only if there is one.
Symmetric read_symmetric(BigReader &reader) {
    Symmetric symmetric;
    symmetric.algorithm = reader.number<std::uint16_t>();
    if (symmetric.algorithm != TPM2_ALG_NULL) {
        symmetric.key_bits = reader.number<std::uint16_t>();
        symmetric.mode = reader.number<std::uint16_t>();
    }
    return symmetric;
}

// TPMT_ASYM_SCHEME: all schemes but RSAES and none have a hash, ECDAA a count too.
void skip_scheme(BigReader &reader) {
    const auto scheme = reader.number<std::uint16_t>();
    if (scheme != TPM2_ALG_NULL && scheme != TPM2_ALG_RSAES) {
        reader.number<std::uint16_t>();
    }
    if (scheme == TPM2_ALG_ECDAA) {
        reader.number<std::uint16_t>();
    }
}

KeyPointer read_rsa(BigReader &reader, PublicArea &area) {
    area.symmetric = read_symmetric(reader);
    skip_scheme(reader);
    const auto bits = reader.number<std::uint16_t>();
    const auto exponent = reader.number<std::uint32_t>();
    const ByteView modulus = reader.sized();
    if (!reader.complete() || modulus.size() * 8 != bits) {
        return nullptr;
    }
    return rsa_key(modulus, exponent == 0 ? default_exponent : exponent);
}

KeyPointer read_ecc(BigReader &reader, PublicArea &area) {
    area.symmetric = read_symmetric(reader);
    skip_scheme(reader);
    const auto curve = reader.number<std::uint16_t>();
    skip_scheme(reader); // the KDF's
    const ByteView x = reader.sized();
    const ByteView y = reader.sized();
    if (!reader.complete() || (curve != TPM2_ECC_NIST_P256 && curve != TPM2_ECC_NIST_P384)) {
        return nullptr;
    }
    return curve == TPM2_ECC_NIST_P256 ? ec_key("prime256v1", 32, x, y) : ec_key("secp384r1", 48, x, y);
}

} // namespace

void KeyDeleter::operator()(EVP_PKEY *key) const {
    EVP_PKEY_free(key);
}

Result<PublicKey> PublicKey::of(KeyPointer key) {
    const auto kind = key ? kind_of(key.get()) : std::nullopt;
    if (!kind) {
        return malformed("it is neither RSA of 2048 to 4096 bits with an odd exponent from 65537 on, nor "
                         "P-256, nor P-384");
    }
    return PublicKey(std::move(key), *kind, std::nullopt);
}

Result<PublicKey> PublicKey::from_area(ByteView marshalled) {
    BigReader reader(marshalled);
    PublicArea area;
    const auto type = reader.number<std::uint16_t>();
    const auto name_alg = hash_alg(reader.number<std::uint16_t>());
    area.attributes = reader.number<std::uint32_t>();
    area.auth_policy = to_bytes(reader.sized());
    if (!reader.ok() || !name_alg || (type != TPM2_ALG_RSA && type != TPM2_ALG_ECC)) {
        return malformed("it is neither PEM nor the public area of an RSA or ECC key of a TPM");
    }
    auto key = type == TPM2_ALG_RSA ? read_rsa(reader, area) : read_ecc(reader, area);
    const auto kind = key ? kind_of(key.get()) : std::nullopt;
    if (!kind) {
        return malformed("the TPM's public area is damaged, or neither RSA of 2048 to 4096 bits with an odd "
                         "exponent from 65537 on, nor P-256, nor P-384");
    }
    area.name_alg = *name_alg;
    area.marshalled = to_bytes(marshalled);
    area.name = Writer()
                    .number(static_cast<std::uint16_t>(*name_alg))
                    .raw(digest(*name_alg, marshalled).view())
                    .bytes();
    return PublicKey(std::move(key), *kind, std::move(area));
}

Result<PublicKey> PublicKey::read(ByteView file) {
    if (file.empty() || file.size() > max_file_bytes) {
        return malformed(file.empty() ? "the file is empty" : "the file is too large for a key");
    }
    if (as_text(file).contains("-----BEGIN ")) {
        const std::unique_ptr<BIO, Deleter> pem(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
        KeyPointer key(PEM_read_bio_PUBKEY(pem.get(), nullptr, no_password, nullptr));
        if (!key) {
            return malformed("the PEM has no public key (openssl pkey -pubout writes one)");
        }
        return of(std::move(key));
    }
    BigReader reader(file);
    const auto size = reader.number<std::uint16_t>();
    return from_area(size == reader.rest().size() ? reader.rest() : file);
}

Bytes PublicKey::spki() const {
    unsigned char *der = nullptr;
    const int length = i2d_PUBKEY(key_.get(), &der);
    Bytes made(der, der + (length > 0 ? length : 0));
    OPENSSL_free(der);
    return made;
}

std::string PublicKey::pem() const {
    const std::unique_ptr<BIO, Deleter> memory(BIO_new(BIO_s_mem()));
    char *text = nullptr;
    if (!memory || PEM_write_bio_PUBKEY(memory.get(), key_.get()) != 1) {
        return {};
    }
    const long length = BIO_get_mem_data(memory.get(), &text);
    return {text, static_cast<std::size_t>(length)};
}

PublicNumbers public_numbers(const PublicKey &key) {
    const auto read = [&](const char *name, Bytes &place) {
        BIGNUM *number = nullptr;
        EVP_PKEY_get_bn_param(key.get(), name, &number);
        const std::unique_ptr<BIGNUM, Deleter> owned(number);
        place.resize(field_bytes(key));
        if (number != nullptr) {
            BN_bn2binpad(number, place.data(), static_cast<int>(place.size()));
        }
        return number != nullptr ? static_cast<std::uint32_t>(BN_get_word(number)) : 0;
    };
    PublicNumbers numbers;
    if (key.kind() == KeyKind::rsa) {
        Bytes exponent;
        read(OSSL_PKEY_PARAM_RSA_N, numbers.first);
        numbers.exponent = read(OSSL_PKEY_PARAM_RSA_E, exponent);
    } else {
        read(OSSL_PKEY_PARAM_EC_PUB_X, numbers.first);
        read(OSSL_PKEY_PARAM_EC_PUB_Y, numbers.second);
    }
    return numbers;
}

bool is_attestation_key(const PublicArea &area) {
    constexpr std::uint32_t needed = object::fixed_tpm | object::fixed_parent |
                                     object::sensitive_data_origin | object::restricted | object::sign;
    return (area.attributes & needed) == needed && (area.attributes & object::decrypt) == 0;
}

bool same_key(const PublicKey &one, const PublicKey &other) {
    const auto left = public_numbers(one);
    const auto right = public_numbers(other);
    return one.kind() == other.kind() && left.first == right.first && left.second == right.second &&
           left.exponent == right.exponent;
}

std::string_view name_of(KeyKind kind) {
    static constexpr std::array<std::string_view, 3> names = {"RSA", "P-256", "P-384"};
    return names.at(static_cast<std::size_t>(kind));
}

std::size_t field_bytes(const PublicKey &key) {
    switch (key.kind()) {
    case KeyKind::p256:
        return 32;
    case KeyKind::p384:
        return 48;
    case KeyKind::rsa:
        break;
    }
    return static_cast<std::size_t>(EVP_PKEY_get_size(key.get()));
}

} // namespace dsmil::attest
