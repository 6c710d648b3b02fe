// SPDX-License-Identifier: Apache-2.0
#include "tpm/secrets.hpp"

#include "base/file.hpp"

#include <format>
#include <openssl/crypto.h>

namespace dsmil::tpm {

Secrets::~Secrets() {
    for (auto &[name, secret] : secrets_) {
        OPENSSL_cleanse(secret.data(), secret.size());
    }
}

Result<Secrets> Secrets::read(const std::string &directory) {
    Secrets secrets;
    if (directory.empty()) {
        return secrets;
    }
    for (const auto name : secret_names) {
        auto content = read_file(std::format("{}/dsmil.{}", directory, name), max_secret_bytes);
        if (!content && content.error().code == Code::not_found) {
            continue;
        }
        if (!content || content->empty()) {
            return fail(
                Code::config_invalid,
                std::format("the credential dsmil.{} must have 1 to {} bytes", name, max_secret_bytes),
                content ? std::vector<std::string>{} : std::vector{content.error().detail});
        }
        const auto bytes = as_bytes(*content);
        secrets.set(name, Bytes(bytes.begin(), bytes.end()));
        OPENSSL_cleanse(content->data(), content->size());
    }
    return secrets;
}

ByteView Secrets::find(std::string_view name) const {
    const auto found = secrets_.find(name);
    return found != secrets_.end() ? ByteView(found->second) : ByteView{};
}

} // namespace dsmil::tpm
