// SPDX-License-Identifier: Apache-2.0
#include "attest/eat.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <format>
#include <memory>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace dsmil::attest {
namespace {

constexpr std::string_view header = R"({"alg":"ES256","typ":"eat+jwt"})";
constexpr int number_bytes = 32;

struct Deleter {
    void operator()(BIO *bio) const { BIO_free(bio); }
    void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
    void operator()(ECDSA_SIG *signature) const { ECDSA_SIG_free(signature); }
};

int no_password(char * /*buffer*/, int /*size*/, int /*writing*/, void * /*data*/) {
    return -1;
}

// r and s, each as long as the field.
Result<Bytes> sign(EVP_PKEY *key, std::string_view text) {
    const std::unique_ptr<EVP_MD_CTX, Deleter> context(EVP_MD_CTX_new());
    Bytes der(static_cast<std::size_t>(EVP_PKEY_get_size(key)));
    std::size_t size = der.size();
    const ByteView message = as_bytes(text);
    if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), der.data(), &size, message.data(), message.size()) != 1) {
        return fail(Code::failed, "signing the token failed; is the key a private one?");
    }
    const unsigned char *at = der.data();
    const std::unique_ptr<ECDSA_SIG, Deleter> parsed(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
    Bytes signature(2UZ * number_bytes);
    if (!parsed || BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), signature.data(), number_bytes) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), signature.data() + number_bytes, number_bytes) < 0) {
        return fail(Code::failed, "signing the token failed");
    }
    return signature;
}

} // namespace

std::string to_base64url(ByteView bytes) {
    std::string text = to_base64(bytes);
    text.erase(std::min(text.find('='), text.size()));
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

Result<PublicKey> public_of_token_key(ByteView private_key_pem) {
    const std::unique_ptr<BIO, Deleter> pem(
        BIO_new_mem_buf(private_key_pem.data(), static_cast<int>(private_key_pem.size())));
    auto key = PublicKey::of(KeyPointer(PEM_read_bio_PrivateKey(pem.get(), nullptr, no_password, nullptr)));
    if (!key || key->kind() != KeyKind::p256) {
        return fail(Code::malformed,
                    "the key of the token is not the PEM of a P-256 private key without a password "
                    "(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)");
    }
    return key;
}

Result<std::string> make_token_key() {
    const KeyPointer key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    const std::unique_ptr<BIO, Deleter> pem(BIO_new(BIO_s_mem()));
    char *text = nullptr;
    if (!key || !pem ||
        PEM_write_bio_PKCS8PrivateKey(pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        return fail(Code::failed, "OpenSSL makes no key");
    }
    const auto size = BIO_get_mem_data(pem.get(), &text);
    return std::string(text, static_cast<std::size_t>(size));
}

Result<std::string> sign_eat(const boost::json::object &claims, ByteView private_key_pem) {
    const auto key = public_of_token_key(private_key_pem);
    if (!key) {
        return std::unexpected(key.error());
    }
    const std::string signed_text = std::format("{}.{}", to_base64url(as_bytes(header)),
                                                to_base64url(as_bytes(boost::json::serialize(claims))));
    return sign(key->get(), signed_text).transform([&](const Bytes &signature) {
        return std::format("{}.{}", signed_text, to_base64url(signature));
    });
}

} // namespace dsmil::attest
