// SPDX-License-Identifier: Apache-2.0
// The cryptography of TPM sessions against published vectors. That it fits the TPM's shows
// in every other test with a session.
#include "tpm/session_crypto.hpp"

#include "base/bytes.hpp"

#include <array>
#include <gtest/gtest.h>

namespace dsmil::tpm {
namespace {

class SessionCrypto : public testing::Test {
  protected:
    ESYS_CRYPTO_CALLBACKS crypto = session_crypto();
    std::array<std::uint8_t, 64> place{};
    std::size_t size = place.size();
    ESYS_CRYPTO_CONTEXT_BLOB *context = nullptr;

    std::string result() { return to_hex(ByteView(place).first(size)); }
};

TEST_F(SessionCrypto, HashesAreThoseOfFips180) {
    const auto text = as_bytes("abc");
    ASSERT_EQ(crypto.hash_start(&context, TPM2_ALG_SHA256, nullptr), TSS2_RC_SUCCESS);
    ASSERT_EQ(crypto.hash_update(context, text.data(), 1, nullptr), TSS2_RC_SUCCESS);
    ASSERT_EQ(crypto.hash_update(context, text.data() + 1, 2, nullptr), TSS2_RC_SUCCESS);
    ASSERT_EQ(crypto.hash_finish(&context, place.data(), &size, nullptr), TSS2_RC_SUCCESS);
    EXPECT_EQ(context, nullptr);
    EXPECT_EQ(result(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    for (const auto &[id, bytes] :
         {std::pair(TPM2_ALG_SHA1, 20U), std::pair(TPM2_ALG_SHA384, 48U), std::pair(TPM2_ALG_SHA512, 64U)}) {
        size = place.size();
        ASSERT_EQ(crypto.hash_start(&context, static_cast<TPM2_ALG_ID>(id), nullptr), TSS2_RC_SUCCESS);
        ASSERT_EQ(crypto.hash_finish(&context, place.data(), &size, nullptr), TSS2_RC_SUCCESS);
        EXPECT_EQ(size, bytes);
    }
}

TEST_F(SessionCrypto, HmacsAreThoseOfRfc4231) {
    const auto key = as_bytes("Jefe");
    const auto text = as_bytes("what do ya want for nothing?");
    ASSERT_EQ(crypto.hmac_start(&context, TPM2_ALG_SHA256, key.data(), key.size(), nullptr), TSS2_RC_SUCCESS);
    ASSERT_EQ(crypto.hmac_update(context, text.data(), text.size(), nullptr), TSS2_RC_SUCCESS);
    ASSERT_EQ(crypto.hmac_finish(&context, place.data(), &size, nullptr), TSS2_RC_SUCCESS);
    EXPECT_EQ(result(), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

// A session without a salt and a secret has such a key.
TEST_F(SessionCrypto, AKeyOfNoBytesIsAKey) {
    const std::uint8_t nothing = 0;
    ASSERT_EQ(crypto.hmac_start(&context, TPM2_ALG_SHA256, &nothing, 0, nullptr), TSS2_RC_SUCCESS);
    ASSERT_EQ(crypto.hmac_finish(&context, place.data(), &size, nullptr), TSS2_RC_SUCCESS);
    EXPECT_EQ(result(), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_F(SessionCrypto, AesCfbIsThatOfSp80038a) {
    auto key = *from_hex("2b7e151628aed2a6abf7158809cf4f3c");
    auto iv = *from_hex("000102030405060708090a0b0c0d0e0f");
    auto text = *from_hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    const auto plain = text;
    ASSERT_EQ(crypto.aes_encrypt(key.data(), TPM2_ALG_AES, 128, TPM2_ALG_CFB, text.data(), text.size(),
                                 iv.data(), nullptr),
              TSS2_RC_SUCCESS);
    EXPECT_EQ(to_hex(text), "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b");
    ASSERT_EQ(crypto.aes_decrypt(key.data(), TPM2_ALG_AES, 128, TPM2_ALG_CFB, text.data(), text.size(),
                                 iv.data(), nullptr),
              TSS2_RC_SUCCESS);
    EXPECT_EQ(text, plain);
    EXPECT_NE(
        crypto.aes_encrypt(key.data(), TPM2_ALG_AES, 127, TPM2_ALG_CFB, text.data(), 1, iv.data(), nullptr),
        TSS2_RC_SUCCESS);
    EXPECT_NE(
        crypto.aes_encrypt(key.data(), TPM2_ALG_SM4, 128, TPM2_ALG_CFB, text.data(), 1, iv.data(), nullptr),
        TSS2_RC_SUCCESS);
}

TEST_F(SessionCrypto, WhatItCannotDoIsAnError) {
    EXPECT_NE(crypto.hash_start(&context, TPM2_ALG_SM3_256, nullptr), TSS2_RC_SUCCESS);
    EXPECT_NE(crypto.hmac_start(&context, TPM2_ALG_NULL, place.data(), 1, nullptr), TSS2_RC_SUCCESS);
    EXPECT_NE(crypto.hash_update(nullptr, place.data(), 1, nullptr), TSS2_RC_SUCCESS);
    EXPECT_NE(crypto.hash_finish(&context, place.data(), &size, nullptr), TSS2_RC_SUCCESS);
    ASSERT_EQ(crypto.hash_start(&context, TPM2_ALG_SHA256, nullptr), TSS2_RC_SUCCESS);
    EXPECT_NE(crypto.hmac_update(context, place.data(), 1, nullptr), TSS2_RC_SUCCESS);
    size = 31;
    EXPECT_NE(crypto.hash_finish(&context, place.data(), &size, nullptr), TSS2_RC_SUCCESS);
    ASSERT_NE(context, nullptr);
    crypto.hash_abort(&context, nullptr);
    EXPECT_EQ(context, nullptr);
    TPM2B_PUBLIC key{};
    TPM2B_ECC_PARAMETER shared{};
    TPMS_ECC_POINT own{};
    key.publicArea.parameters.eccDetail.curveID = TPM2_ECC_BN_P256;
    EXPECT_NE(crypto.get_ecdh_point(&key, place.size(), &shared, &own, place.data(), &size, nullptr),
              TSS2_RC_SUCCESS);
    key.publicArea.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256; // a point that is on no curve
    EXPECT_NE(crypto.get_ecdh_point(&key, place.size(), &shared, &own, place.data(), &size, nullptr),
              TSS2_RC_SUCCESS);
    key.publicArea.unique.ecc.x.size = 33;
    EXPECT_NE(crypto.get_ecdh_point(&key, place.size(), &shared, &own, place.data(), &size, nullptr),
              TSS2_RC_SUCCESS);
    TPM2B_NONCE nonce{};
    EXPECT_NE(crypto.get_random2b(&nonce, sizeof(nonce.buffer) + 1, nullptr), TSS2_RC_SUCCESS);
    ASSERT_EQ(crypto.get_random2b(&nonce, 32, nullptr), TSS2_RC_SUCCESS);
    EXPECT_EQ(nonce.size, 32);
}

} // namespace
} // namespace dsmil::tpm
