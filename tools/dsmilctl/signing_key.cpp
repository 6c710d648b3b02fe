// SPDX-License-Identifier: Apache-2.0
#include "signing_key.hpp"

#include "private_key.hpp"

#include <array>
#include <format>
#include <openssl/conf.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <utility>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;

using Library = std::unique_ptr<OSSL_LIB_CTX, decltype(&OSSL_LIB_CTX_free)>;
using Provider = std::unique_ptr<OSSL_PROVIDER, decltype(&OSSL_PROVIDER_unload)>;

// Of its own, so that a token's module which itself uses OpenSSL (SoftHSM does) waits for none of our locks.
Library token_library() {
    Library library(OSSL_LIB_CTX_new(), OSSL_LIB_CTX_free);
    char *const file = CONF_get1_default_config_file(); // which may name the module
    if (library && file != nullptr) {
        static_cast<void>(OSSL_LIB_CTX_load_config(library.get(), file));
        ERR_clear_error();
    }
    OPENSSL_free(file);
    return library;
}

// At once, and not when a key is looked for: then an error is about the module and nothing else.
Provider token_provider(OSSL_LIB_CTX *library) {
    const std::string name = "pkcs11-module-load-behavior";
    std::string early = "early";
    std::array parameters = {OSSL_PARAM_construct_utf8_string(name.c_str(), early.data(), early.size()),
                             OSSL_PARAM_construct_end()};
    return {OSSL_PROVIDER_load_ex(library, "pkcs11", parameters.data()), OSSL_PROVIDER_unload};
}

std::unexpected<dsmil::Error> no_provider() {
    const bool not_there = ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_DSO;
    return dsmil::fail(Code::failed,
                       not_there ? "OpenSSL has no provider pkcs11: install pkcs11-provider"
                                 : "the token's PKCS#11 module cannot be used: name it in "
                                   "PKCS11_PROVIDER_MODULE, or install p11-kit-modules",
                       openssl_causes());
}

bool is_p256(EVP_PKEY *key) {
    std::array<char, 32> group{};
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(),
                                          nullptr) == 1 &&
           (std::string_view(group.data()) == "prime256v1" || std::string_view(group.data()) == "P-256");
}

} // namespace

struct SigningKey::Impl {
    Library library{nullptr, OSSL_LIB_CTX_free}; // OpenSSL's own when null
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
        impl->library = token_library();
        impl->standard.reset(OSSL_PROVIDER_load(impl->library.get(), "default"));
        ERR_clear_error();
        impl->pkcs11 = token_provider(impl->library.get());
        if (!impl->pkcs11) {
            return no_provider();
        }
    } else if (auto there = check_readable(where); !there) {
        return std::unexpected(std::move(there.error()));
    }
    auto key = load_private_key(where, impl->library.get());
    if (!key) {
        if (is_token) { // OpenSSL drops what the provider says of it.
            key.error().causes.emplace_back(
                "no token is there that has this key, or its PIN is wrong or was not given");
        }
        return std::unexpected(std::move(key.error()));
    }
    impl->key = std::move(*key);
    if (!is_p256(impl->key.get())) {
        return dsmil::fail(Code::usage, std::format("the key of {} is not of P-256", without_pin(where)));
    }
    return SigningKey(std::move(impl));
}

Result<std::string> SigningKey::sign(std::string_view message) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const auto *bytes = reinterpret_cast<const unsigned char *>(message.data());
    std::string der(static_cast<std::size_t>(EVP_PKEY_get_size(impl_->key.get())), '\0');
    std::size_t length = der.size();
    if (!context ||
        EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", impl_->library.get(), nullptr,
                              impl_->key.get(), nullptr) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(der.data()), &length, bytes,
                       message.size()) != 1) {
        return dsmil::fail(Code::failed, "the key does not sign", openssl_causes());
    }
    der.resize(length);
    return der;
}

} // namespace dsmilctl
