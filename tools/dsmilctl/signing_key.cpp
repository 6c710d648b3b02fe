// SPDX-License-Identifier: Apache-2.0
#include "signing_key.hpp"

#include <array>
#include <cerrno>
#include <format>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <unistd.h>
#include <utility>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;

using Provider = std::unique_ptr<OSSL_PROVIDER, decltype(&OSSL_PROVIDER_unload)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Store = std::unique_ptr<OSSL_STORE_CTX, decltype(&OSSL_STORE_close)>;

// What OpenSSL says last is what is nearest to the cause.
std::vector<std::string> openssl_causes() {
    std::array<char, 256> text{};
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (code == 0) {
        return {};
    }
    ERR_error_string_n(code, text.data(), text.size());
    return {text.data()};
}

bool is_p256(EVP_PKEY *key) {
    std::array<char, 32> group{};
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(),
                                          nullptr) == 1 &&
           (std::string_view(group.data()) == "prime256v1" || std::string_view(group.data()) == "P-256");
}

// The first private key that is there.
Key load(const std::string &where) {
    const Store store(OSSL_STORE_open(where.c_str(), UI_OpenSSL(), nullptr, nullptr, nullptr),
                      OSSL_STORE_close);
    Key key(nullptr, EVP_PKEY_free);
    if (!store) {
        return key;
    }
    OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY);
    while (!key && OSSL_STORE_eof(store.get()) == 0) {
        const std::unique_ptr<OSSL_STORE_INFO, decltype(&OSSL_STORE_INFO_free)> info(
            OSSL_STORE_load(store.get()), OSSL_STORE_INFO_free);
        if (info && OSSL_STORE_INFO_get_type(info.get()) == OSSL_STORE_INFO_PKEY) {
            key.reset(OSSL_STORE_INFO_get1_PKEY(info.get()));
        } else if (!info && OSSL_STORE_error(store.get()) == 1) {
            break;
        }
    }
    return key;
}

} // namespace

struct SigningKey::Impl {
    // The default provider goes away when another is loaded by hand, unless it is too.
    Provider standard{nullptr, OSSL_PROVIDER_unload};
    Provider pkcs11{nullptr, OSSL_PROVIDER_unload};
    Key key{nullptr, EVP_PKEY_free}; // last: it uses the others
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
    } else if (::access(where.c_str(), R_OK) != 0) {
        return dsmil::fail_errno(errno == EACCES ? Code::permission : Code::not_found, where, errno);
    }
    impl->key = load(where);
    if (!impl->key) {
        return dsmil::fail(Code::usage, std::format("{} has no private key that can be opened", where),
                           openssl_causes());
    }
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
