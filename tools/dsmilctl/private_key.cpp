// SPDX-License-Identifier: Apache-2.0
#include "private_key.hpp"

#include "dsmil/fd.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
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

constexpr std::size_t max_causes = 4;

// Who has no terminal is not asked: OpenSSL would take standard input for one.
const UI_METHOD *asking() {
    const dsmil::Fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
    if (!terminal) {
        UI_set_default_method(UI_null()); // which the provider uses, besides
        return UI_null();
    }
    return UI_OpenSSL();
}

} // namespace

void PrivateKeyDeleter::operator()(EVP_PKEY *key) const {
    EVP_PKEY_free(key);
}

std::vector<std::string> openssl_causes() {
    std::vector<std::string> causes;
    const char *said = nullptr;
    int flags = 0;
    while (const unsigned long code = ERR_get_error_all(nullptr, nullptr, nullptr, &said, &flags)) {
        const char *const reason = ERR_reason_error_string(code);
        std::string text = reason != nullptr ? reason : "";
        if ((flags & ERR_TXT_STRING) != 0 && said != nullptr && *said != '\0') {
            text += (text.empty() ? "" : ": ") + std::string(said);
        }
        if (!text.empty() && !std::ranges::contains(causes, text)) {
            causes.push_back(std::move(text));
        }
    }
    if (causes.size() > max_causes) {
        causes.erase(causes.begin(), causes.end() - max_causes);
    }
    return causes;
}

dsmil::Result<void> check_readable(const std::string &path) {
    if (::access(path.c_str(), R_OK) != 0) {
        return dsmil::fail_errno(errno == EACCES ? Code::permission : Code::not_found, path, errno);
    }
    return {};
}

std::string without_pin(std::string where) {
    constexpr std::string_view pin = "pin-value=";
    const auto from = where.find(pin);
    if (from != std::string::npos) {
        const auto to = std::min(where.find('&', from), where.size());
        where.replace(from + pin.size(), to - from - pin.size(), "...");
    }
    return where;
}

dsmil::Result<PrivateKey> load_private_key(const std::string &where, OSSL_LIB_CTX *library) {
    ERR_clear_error();
    const Store store(
        OSSL_STORE_open_ex(where.c_str(), library, nullptr, asking(), nullptr, nullptr, nullptr, nullptr),
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
        return dsmil::fail(Code::usage,
                           std::format("{} has no private key that can be opened", without_pin(where)),
                           openssl_causes());
    }
    return key;
}

} // namespace dsmilctl
