// SPDX-License-Identifier: Apache-2.0
#include "attest_support.hpp"

#include "attest/hash.hpp"
#include "attest/writer.hpp"

#include <cstdlib>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

namespace dsmil::test {
namespace {

using attest::KeyKind;
using attest::Signature;
using attest::Writer;

attest::PublicKey generate(KeyKind kind) {
    EVP_PKEY *key = kind == KeyKind::rsa    ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048})
                    : kind == KeyKind::p256 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")
                                            : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384");
    auto made = attest::PublicKey::of(attest::KeyPointer(key));
    if (!made) {
        std::abort();
    }
    return std::move(*made);
}

const EVP_MD *md_of(attest::HashAlg hash) {
    return EVP_get_digestbyname(std::string(name_of(hash)).c_str());
}

Bytes number_param(EVP_PKEY *key, const char *name, std::size_t size) {
    BIGNUM *number = nullptr;
    EVP_PKEY_get_bn_param(key, name, &number);
    Bytes bytes(size);
    BN_bn2binpad(number, bytes.data(), static_cast<int>(size));
    BN_free(number);
    return bytes;
}

} // namespace

Bytes make_quoted(const QuoteIngredients &in) {
    Writer out;
    out.raw(in.magic).number(static_cast<std::uint16_t>(in.type)).sized(in.signer).sized(in.nonce);
    out.number(in.clock_ms).number(in.reset_count).number(in.restart_count);
    out.number(static_cast<std::uint8_t>(in.clock_safe)).number(in.firmware_version);
    out.number(static_cast<std::uint32_t>(in.banks));
    for (unsigned i = 0; i < in.banks; i++) {
        out.number(static_cast<std::uint16_t>(in.bank)).number(std::uint8_t{3}).raw(in.select);
    }
    Bytes values;
    for (const auto &[pcr, value] : in.pcrs) {
        values.insert(values.end(), value.begin(), value.end());
    }
    return out.sized(digest(in.hash, values).view()).raw(in.after).bytes();
}

AttestKey::AttestKey(KeyKind kind) : key_(generate(kind)) {}

attest::PublicKey AttestKey::public_key() const {
    return std::move(*attest::PublicKey::read(as_bytes(pem())));
}

Bytes AttestKey::area(std::uint32_t attributes) const {
    constexpr std::uint16_t none = 0x0010;
    const bool rsa = key_.kind() == KeyKind::rsa;
    Writer out;
    out.number(std::uint16_t{rsa ? std::uint16_t{0x0001} : std::uint16_t{0x0023}});
    out.number(std::uint16_t{0x000B}).number(attributes).sized({});
    out.number(none); // symmetric
    out.number(none); // scheme
    if (rsa) {
        const Bytes modulus = number_param(key_.get(), OSSL_PKEY_PARAM_RSA_N, 256);
        return out.number(std::uint16_t{2048}).number(std::uint32_t{0}).sized(modulus).bytes();
    }
    const std::size_t field = field_bytes(key_);
    out.number(static_cast<std::uint16_t>(key_.kind() == KeyKind::p256 ? 3 : 4)).number(none);
    return out.sized(number_param(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, field))
        .sized(number_param(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, field))
        .bytes();
}

Bytes AttestKey::sign_plain(ByteView message, Signature::Scheme scheme, attest::HashAlg hash) const {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_context = nullptr;
    EVP_DigestSignInit(context, &key_context, md_of(hash), nullptr, key_.get());
    if (scheme == Signature::Scheme::rsapss) {
        EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_MAX_SIGN);
    }
    std::size_t size = 512;
    Bytes made(size);
    if (EVP_DigestSign(context, made.data(), &size, message.data(), message.size()) != 1) {
        std::abort();
    }
    made.resize(size);
    EVP_MD_CTX_free(context);
    return made;
}

Bytes AttestKey::sign(ByteView message, Signature::Scheme scheme, attest::HashAlg hash) const {
    const Bytes plain = sign_plain(message, scheme, hash);
    if (scheme == Signature::Scheme::rsapss) {
        return Writer()
            .number(std::uint16_t{0x0016})
            .number(static_cast<std::uint16_t>(hash))
            .sized(plain)
            .bytes();
    }
    return std::move(*attest::signature_from_plain(plain, key_, hash));
}

} // namespace dsmil::test
