// SPDX-License-Identifier: Apache-2.0
#include "base/sha256.hpp"

#include <cstdlib>
#include <memory>
#include <openssl/evp.h>

namespace dsmil {
namespace {

struct Deleter {
    void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
    void operator()(EVP_MD *digest) const { EVP_MD_free(digest); }
};

} // namespace

Hash sha256(std::initializer_list<ByteView> parts) {
    // Fetching the algorithm costs more than hashing a record: once, and a context a thread.
    static const std::unique_ptr<EVP_MD, Deleter> digest(EVP_MD_fetch(nullptr, "SHA256", nullptr));
    thread_local const std::unique_ptr<EVP_MD_CTX, Deleter> context(EVP_MD_CTX_new());
    Hash hash{};
    bool ok = digest && context && EVP_DigestInit_ex2(context.get(), digest.get(), nullptr) == 1;
    for (const ByteView part : parts) {
        ok = ok && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
    }
    if (!ok || EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) != 1) {
        std::abort(); // OpenSSL without SHA-256, or no memory: nothing here can go on.
    }
    return hash;
}

} // namespace dsmil
