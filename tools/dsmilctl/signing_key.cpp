// SPDX-License-Identifier: Apache-2.0
#include "signing_key.hpp"

#include "private_key.hpp"

#include <array>
#include <format>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <utility>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;

using Provider = std::unique_ptr<OSSL_PROVIDER, decltype(&OSSL_PROVIDER_unload)>;

bool is_p256(EVP_PKEY *key) {
    std::array<char, 32> group{};
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(),
                                          nullptr) == 1 &&
           (std::string_view(group.data()) == "prime256v1" || std::string_view(group.data()) == "P-256");
}

} // namespace

struct SigningKey::Impl {
    // The default provider goes away when another is loaded by hand, unless it is too.
    Provider standard{nullptr, OSSL_PROVIDER_unload};
    Provider pkcs11{nullptr, OSSL_PROVIDER_unload};
    PrivateKey key; // last: it uses the others
};

SigningKey::SigningKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SigningKey::SigningKey(SigningKey &&) noexcept = default;
SigningKey::~SigningKey() = default;

Result<SigningKey> SigningKey::open(const std::string &where) {
    auto impl = std::make_unique<Impl>();
    const bool is_token = where.starts_with("pkcs11:");
    if (is_token) {
        impl->standard.reset(OSSL_PROVIDER_load(nullptr, "default"));
        impl->pkcs11.reset(OSSL_PROVIDER_load(nullptr, "pkcs11"));
        if (!impl->pkcs11) {
            return dsmil::fail(Code::failed, "OpenSSL has no provider pkcs11: install pkcs11-provider",
                               openssl_causes());
        }
    } else if (auto there = check_readable(where); !there) {
        return std::unexpected(std::move(there.error()));
    }
    auto key = load_private_key(where);
    if (!key) {
        return std::unexpected(std::move(key.error()));
    }
    impl->key = std::move(*key);
    if (!is_p256(impl->key.get())) {
        return dsmil::fail(Code::usage, std::format("the key of {} is not of P-256", where));
    }
    return SigningKey(std::move(impl));
}

Result<std::string> SigningKey::sign(std::string_view message) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const auto *bytes = reinterpret_cast<const unsigned char *>(message.data());
    std::string der(static_cast<std::size_t>(EVP_PKEY_get_size(impl_->key.get())), '\0');
    std::size_t length = der.size();
    if (!context ||
        EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, impl_->key.get(),
                              nullptr) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(der.data()), &length, bytes,
                       message.size()) != 1) {
        return dsmil::fail(Code::failed, "the key does not sign", openssl_causes());
    }
    der.resize(length);
    return der;
}

} // namespace dsmilctl
