// SPDX-License-Identifier: Apache-2.0
#include "private_key.hpp"

#include <array>
#include <cerrno>
#include <format>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <unistd.h>

namespace dsmilctl {
namespace {

using dsmil::Code;
using Store = std::unique_ptr<OSSL_STORE_CTX, decltype(&OSSL_STORE_close)>;

} // namespace

void PrivateKeyDeleter::operator()(EVP_PKEY *key) const {
    EVP_PKEY_free(key);
}

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

dsmil::Result<void> check_readable(const std::string &path) {
    if (::access(path.c_str(), R_OK) != 0) {
        return dsmil::fail_errno(errno == EACCES ? Code::permission : Code::not_found, path, errno);
    }
    return {};
}

dsmil::Result<PrivateKey> load_private_key(const std::string &where) {
    const Store store(OSSL_STORE_open(where.c_str(), UI_OpenSSL(), nullptr, nullptr, nullptr),
                      OSSL_STORE_close);
    PrivateKey key;
    if (store) {
        OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY);
    }
    while (store && !key && OSSL_STORE_eof(store.get()) == 0) {
        const std::unique_ptr<OSSL_STORE_INFO, decltype(&OSSL_STORE_INFO_free)> info(
            OSSL_STORE_load(store.get()), OSSL_STORE_INFO_free);
        if (info && OSSL_STORE_INFO_get_type(info.get()) == OSSL_STORE_INFO_PKEY) {
            key.reset(OSSL_STORE_INFO_get1_PKEY(info.get()));
        } else if (!info && OSSL_STORE_error(store.get()) == 1) {
            break;
        }
    }
    if (!key) {
        return dsmil::fail(Code::usage, std::format("{} has no private key that can be opened", where),
                           openssl_causes());
    }
    return key;
}

} // namespace dsmilctl
