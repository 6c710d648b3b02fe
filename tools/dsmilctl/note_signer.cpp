// SPDX-License-Identifier: Apache-2.0
#include "note_signer.hpp"

#include "ledger/checkpoint.hpp"
#include "ledger/cosignature.hpp"

#include <format>
#include <openssl/evp.h>

namespace dsmilctl {
namespace {

using dsmil::Bytes;
using dsmil::Code;
using dsmil::Result;
using dsmil::ledger::SignatureType;

struct ContextDeleter {
    void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
};

Result<Bytes> sign(EVP_PKEY *key, dsmil::ByteView message) {
    const std::unique_ptr<EVP_MD_CTX, ContextDeleter> context(EVP_MD_CTX_new());
    Bytes signature(static_cast<std::size_t>(EVP_PKEY_get_size(key)));
    std::size_t size = signature.size();
    if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1) {
        return dsmil::fail(Code::failed, "the key does not sign", openssl_causes());
    }
    signature.resize(size);
    return signature;
}

} // namespace

Result<NoteSigner> NoteSigner::open(const std::string &path, std::string name) {
    if (auto there = check_readable(path); !there) {
        return std::unexpected(std::move(there.error()));
    }
    auto key = load_private_key(path);
    if (!key) {
        return std::unexpected(std::move(key.error()));
    }
    const bool is_mldsa = EVP_PKEY_is_a(key->get(), "ML-DSA-44") == 1;
    if (!is_mldsa && EVP_PKEY_is_a(key->get(), "ED25519") != 1) {
        return dsmil::fail(Code::usage, std::format("the key of {} is neither Ed25519 nor ML-DSA-44", path));
    }
    std::size_t size = 0;
    Bytes raw;
    if (EVP_PKEY_get_raw_public_key(key->get(), nullptr, &size) == 1) {
        raw.resize(size);
    }
    if (raw.empty() || EVP_PKEY_get_raw_public_key(key->get(), raw.data(), &size) != 1) {
        return dsmil::fail(Code::failed, std::format("{} has no public half", path), openssl_causes());
    }
    auto verifier = dsmil::ledger::VerifierKey::raw(
        std::move(name), is_mldsa ? SignatureType::cosignature_mldsa : SignatureType::cosignature_ed25519,
        std::move(raw));
    if (!verifier) {
        return std::unexpected(std::move(verifier.error()));
    }
    return NoteSigner(std::move(*key), std::move(*verifier));
}

Result<dsmil::ledger::NoteSignature> NoteSigner::cosign(std::string_view checkpoint_text,
                                                        std::uint64_t time) const {
    const auto checkpoint = dsmil::ledger::Checkpoint::parse(checkpoint_text);
    if (!checkpoint) {
        return std::unexpected(checkpoint.error());
    }
    Result<Bytes> message;
    if (verifier_.type == SignatureType::cosignature_mldsa) {
        message = dsmil::ledger::mldsa_cosigned_message(
            verifier_.name, time, {checkpoint->origin, 0, checkpoint->size, checkpoint->root});
    } else {
        const auto text = dsmil::ledger::ed25519_cosigned_text(time, checkpoint_text);
        message = Bytes(text.begin(), text.end());
    }
    return message.and_then([&](const Bytes &bytes) { return sign(key_.get(), bytes); })
        .transform([&](const Bytes &signature) {
            return dsmil::ledger::NoteSignature{verifier_.name, verifier_.id,
                                                dsmil::ledger::join_cosignature(time, signature)};
        });
}

} // namespace dsmilctl
