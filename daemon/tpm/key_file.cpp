// SPDX-License-Identifier: Apache-2.0
#include "tpm/key_file.hpp"

#include "base/file.hpp"
#include "tpm/public_key.hpp"

#include <format>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <utility>

namespace dsmil::tpm {
namespace {

constexpr std::size_t max_file_bytes = 16'384;
constexpr std::size_t max_signature_bytes = 128;

// A key with a password is none for a daemon: nobody is asked.
int no_password(char * /*buffer*/, int /*size*/, int /*writing*/, void * /*data*/) {
    return -1;
}

std::unexpected<Error> invalid(const std::string &path, std::string_view what) {
    return fail(Code::config_invalid, std::format("tpm.fallback_key: {} {}", path, what));
}

} // namespace

struct KeyFile::Impl {
    explicit Impl(EVP_PKEY *loaded) : key(loaded) {}
    ~Impl() { EVP_PKEY_free(key); }
    Impl(const Impl &) = delete;
    Impl &operator=(const Impl &) = delete;
    EVP_PKEY *key;
};

KeyFile::KeyFile(std::unique_ptr<Impl> impl, Bytes spki) : impl_(std::move(impl)), spki_(std::move(spki)) {}
KeyFile::KeyFile(KeyFile &&) noexcept = default;
KeyFile &KeyFile::operator=(KeyFile &&) noexcept = default;
KeyFile::~KeyFile() = default;

Result<KeyFile> KeyFile::open(const std::string &path) {
    struct stat status{};
    auto text = read_file(path, max_file_bytes);
    if (!text || ::stat(path.c_str(), &status) != 0) {
        return invalid(path, "cannot be read");
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return invalid(path, "is open to others than its owner: chmod 600");
    }
    BIO *input = BIO_new_mem_buf(text->data(), static_cast<int>(text->size()));
    auto impl = std::make_unique<Impl>(PEM_read_bio_PrivateKey(input, nullptr, no_password, nullptr));
    BIO_free(input);
    OPENSSL_cleanse(text->data(), text->size());
    unsigned char *der = nullptr;
    const int length = impl->key != nullptr ? i2d_PUBKEY(impl->key, &der) : 0;
    Bytes spki = length > 0 ? Bytes(der, der + length) : Bytes{};
    OPENSSL_free(der);
    if (!external_key(spki)) {
        return invalid(path, "is no P-256 private key without a password");
    }
    return KeyFile(std::move(impl), std::move(spki));
}

Result<Bytes> KeyFile::sign(const Hash &digest) const {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(impl_->key, nullptr);
    Bytes signature(max_signature_bytes);
    std::size_t size = signature.size();
    const bool made = context != nullptr && EVP_PKEY_sign_init(context) == 1 &&
                      EVP_PKEY_sign(context, signature.data(), &size, digest.data(), digest.size()) == 1;
    EVP_PKEY_CTX_free(context);
    if (!made) {
        return fail(Code::failed, "the key of tpm.fallback_key does not sign");
    }
    signature.resize(size);
    return signature;
}

} // namespace dsmil::tpm
