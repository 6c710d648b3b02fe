// SPDX-License-Identifier: Apache-2.0
#include "ledger/cosigner.hpp"

#include "base/file.hpp"
#include "ledger/cosignature.hpp"

#include <format>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <utility>

namespace dsmil::ledger {
namespace {

constexpr std::size_t max_file_bytes = 16'384;
constexpr auto algorithm = "ML-DSA-44";
constexpr unsigned owner_only = 0600;

struct Deleter {
    void operator()(BIO *bio) const { BIO_free(bio); }
    void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
};
using Bio = std::unique_ptr<BIO, Deleter>;
using Key = std::unique_ptr<EVP_PKEY, Deleter>;

// A key with a password is none for a daemon: nobody is asked.
int no_password(char * /*buffer*/, int /*size*/, int /*writing*/, void * /*data*/) {
    return -1;
}

Result<Key> read_key(const std::string &path) {
    auto text = read_file(path, max_file_bytes);
    if (!text) {
        return std::unexpected(std::move(text.error()));
    }
    const Bio input(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
    Key key(PEM_read_bio_PrivateKey(input.get(), nullptr, no_password, nullptr));
    OPENSSL_cleanse(text->data(), text->size());
    if (!key || EVP_PKEY_is_a(key.get(), algorithm) != 1) {
        return fail(Code::failed,
                    std::format("{} holds no {} private key without a password", path, algorithm));
    }
    return key;
}

Result<Key> make_key(const std::string &path) {
    Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, algorithm));
    const Bio output(BIO_new(BIO_s_secmem())); // which is wiped
    if (!key ||
        PEM_write_bio_PrivateKey(output.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        return fail(Code::failed, std::format("OpenSSL makes no {} key", algorithm));
    }
    char *text = nullptr;
    const long size = BIO_get_mem_data(output.get(), &text);
    auto written = write_file(path, as_bytes({text, static_cast<std::size_t>(size)}), owner_only);
    return written ? Result<Key>(std::move(key)) : std::unexpected(std::move(written.error()));
}

Bytes public_bytes(EVP_PKEY *key) {
    std::size_t size = 0;
    if (EVP_PKEY_get_raw_public_key(key, nullptr, &size) != 1) {
        return {};
    }
    Bytes bytes(size);
    return EVP_PKEY_get_raw_public_key(key, bytes.data(), &size) == 1 ? bytes : Bytes{};
}

} // namespace

struct Cosigner::Impl {
    Key key;
};

Cosigner::Cosigner(std::unique_ptr<Impl> impl, VerifierKey key)
    : impl_(std::move(impl)), key_(std::move(key)) {}
Cosigner::Cosigner(Cosigner &&) noexcept = default;
Cosigner &Cosigner::operator=(Cosigner &&) noexcept = default;
Cosigner::~Cosigner() = default;

Result<Cosigner> Cosigner::open(const std::string &path, std::string name) {
    auto key = read_key(path);
    if (!key && key.error().code == Code::not_found) {
        key = make_key(path);
    }
    if (!key) {
        return std::unexpected(std::move(key.error()).in("the key that cosigns the ledger"));
    }
    auto verifier =
        VerifierKey::raw(std::move(name), SignatureType::cosignature_mldsa, public_bytes(key->get()));
    if (!verifier) {
        return std::unexpected(std::move(verifier.error()).in("the key that cosigns the ledger"));
    }
    return Cosigner(std::make_unique<Impl>(std::move(*key)), std::move(*verifier));
}

Result<NoteSignature> Cosigner::sign(const Checkpoint &checkpoint, std::uint64_t time_s) const {
    const auto message = mldsa_cosigned_message(
        key_.name, time_s,
        {.origin = checkpoint.origin, .start = 0, .end = checkpoint.size, .hash = checkpoint.root});
    if (!message) {
        return std::unexpected(message.error());
    }
    const std::unique_ptr<EVP_MD_CTX, Deleter> context(EVP_MD_CTX_new());
    std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(impl_->key.get()));
    Bytes signature(size);
    if (!context ||
        EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, impl_->key.get(), nullptr) !=
            1 ||
        EVP_DigestSign(context.get(), signature.data(), &size, message->data(), message->size()) != 1) {
        return fail(Code::failed, std::format("the {} key does not sign", algorithm));
    }
    signature.resize(size);
    return NoteSignature{key_.name, key_.id, join_cosignature(time_s, signature)};
}

} // namespace dsmil::ledger
