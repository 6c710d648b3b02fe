// SPDX-License-Identifier: Apache-2.0
#include "tpm/crypt.hpp"

#include "tpm/public_key.hpp"

#include <algorithm>
#include <format>
#include <openssl/crypto.h>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;

// False when it does not fit.
template <typename Sized>
bool put(ByteView bytes, Sized &place) {
    if (bytes.empty() || bytes.size() > sizeof(place.buffer)) {
        return false;
    }
    place.size = static_cast<UINT16>(bytes.size());
    std::ranges::copy(bytes, place.buffer);
    return true;
}

} // namespace

Result<void> verify_with(Tpm &tpm, ESYS_TR key, const TPM2B_PUBLIC &area, ByteView digest,
                         ByteView signature) {
    TPM2B_DIGEST input{};
    if (!put(digest, input)) {
        return fail(Code::usage, std::format("a digest of {} bytes", digest.size()));
    }
    const auto parsed = parse_signature(area.publicArea, signature);
    if (!parsed) {
        return std::unexpected(parsed.error());
    }
    TPMT_TK_VERIFIED *ticket = nullptr;
    auto verified = tpm.context().run(
        "VerifySignature", "verifying a signature",
        [&](ESYS_CONTEXT *esys) {
            return Esys_VerifySignature_Async(esys, key, tpm.session().handle(Protect::request), none, none,
                                              &input, &*parsed);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_VerifySignature_Finish(esys, &ticket); });
    const EsysPtr<TPMT_TK_VERIFIED> owned(ticket);
    return verified;
}

Result<Bytes> decrypt_with(Tpm &tpm, ESYS_TR key, ByteView cipher) {
    TPM2B_PUBLIC_KEY_RSA input{};
    if (!put(cipher, input)) {
        return fail(Code::usage, std::format("a cipher text of {} bytes", cipher.size()));
    }
    TPMT_RSA_DECRYPT scheme{};
    scheme.scheme = TPM2_ALG_NULL; // the key has one
    const TPM2B_DATA no_label{};
    TPM2B_PUBLIC_KEY_RSA *message = nullptr;
    auto decrypted = tpm.context().run(
        "RSA_Decrypt", "decrypting",
        [&](ESYS_CONTEXT *esys) {
            return Esys_RSA_Decrypt_Async(esys, key, tpm.session().handle(Protect::both), none, none, &input,
                                          &scheme, &no_label);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_RSA_Decrypt_Finish(esys, &message); });
    const EsysPtr<TPM2B_PUBLIC_KEY_RSA> owned(message);
    if (!decrypted) {
        return std::unexpected(std::move(decrypted.error()));
    }
    Bytes text(message->buffer, message->buffer + message->size);
    OPENSSL_cleanse(message->buffer, message->size);
    return text;
}

TPM2B_PUBLIC cipher_template() {
    TPM2B_PUBLIC key{};
    key.publicArea.type = TPM2_ALG_SYMCIPHER;
    key.publicArea.nameAlg = TPM2_ALG_SHA256;
    key.publicArea.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                      TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                                      TPMA_OBJECT_NODA | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_SIGN_ENCRYPT;
    auto &symmetric = key.publicArea.parameters.symDetail.sym;
    symmetric.algorithm = TPM2_ALG_AES;
    symmetric.keyBits.aes = 128;
    symmetric.mode.aes = TPM2_ALG_CFB;
    return key;
}

Result<Bytes> crypt_with(Tpm &tpm, ESYS_TR key, Direction direction, ByteView iv, ByteView text) {
    TPM2B_MAX_BUFFER input{};
    TPM2B_IV vector{};
    if (text.size() > max_crypt_bytes || iv.size() != block_bytes || !put(text, input) || !put(iv, vector)) {
        return fail(Code::usage, std::format("1 to {} bytes and an IV of {}", max_crypt_bytes, block_bytes));
    }
    TPM2B_MAX_BUFFER *output = nullptr;
    auto done = tpm.context().run(
        "EncryptDecrypt2", direction == Direction::encrypt ? "encrypting" : "decrypting",
        [&](ESYS_CONTEXT *esys) {
            return Esys_EncryptDecrypt2_Async(esys, key, tpm.session().handle(Protect::both), none, none,
                                              &input, direction == Direction::decrypt ? TPM2_YES : TPM2_NO,
                                              TPM2_ALG_NULL, &vector);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_EncryptDecrypt2_Finish(esys, &output, nullptr); });
    const EsysPtr<TPM2B_MAX_BUFFER> owned(output);
    if (!done) {
        return std::unexpected(std::move(done.error()));
    }
    return Bytes(output->buffer, output->buffer + output->size);
}

} // namespace dsmil::tpm
