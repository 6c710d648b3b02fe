// SPDX-License-Identifier: Apache-2.0
// Every kind of key and signature that a quote may have, and the files that hold them.
#include "attest/pcr_file.hpp"
#include "attest/quote.hpp"
#include "attest_support.hpp"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace dsmil::attest {
namespace {

using test::AttestKey;
using test::QuoteIngredients;
using Scheme = Signature::Scheme;

constexpr std::uint32_t ak_attributes = 0x00050072; // of tpm2_createak
constexpr std::array<unsigned, 2> pcrs = {0, 7};

struct Case {
    KeyKind kind;
    Scheme scheme;
    HashAlg hash;
};

const std::array cases = {
    Case{KeyKind::p256, Scheme::ecdsa, HashAlg::sha256}, Case{KeyKind::p256, Scheme::ecdsa, HashAlg::sha512},
    Case{KeyKind::p384, Scheme::ecdsa, HashAlg::sha384}, Case{KeyKind::p384, Scheme::ecdsa, HashAlg::sha256},
    Case{KeyKind::rsa, Scheme::rsassa, HashAlg::sha256}, Case{KeyKind::rsa, Scheme::rsassa, HashAlg::sha384},
    Case{KeyKind::rsa, Scheme::rsassa, HashAlg::sha512}, Case{KeyKind::rsa, Scheme::rsapss, HashAlg::sha256},
    Case{KeyKind::rsa, Scheme::rsapss, HashAlg::sha512},
};

QuoteBundle make(const AttestKey &key, Scheme scheme, HashAlg hash) {
    QuoteIngredients in;
    in.hash = hash;
    QuoteBundle bundle;
    bundle.quoted = make_quoted(in);
    bundle.signature = key.sign(bundle.quoted, scheme, hash);
    bundle.pcrs = in.pcrs;
    return bundle;
}

QuoteExpectation expected() {
    static const Bytes nonce(16, 7);
    return {.nonce = nonce, .pcrs = pcrs, .firmware_versions = {}};
}

TEST(QuoteKey, EveryKindAndSchemeHoldsAndNoOtherQuoteDoes) {
    for (const auto &[kind, scheme, hash] : cases) {
        SCOPED_TRACE(std::format("{} {} {}", name_of(kind), static_cast<int>(scheme), name_of(hash)));
        const AttestKey key(kind);
        auto verifier = QuoteVerifier::make(key.public_key());
        ASSERT_TRUE(verifier);
        auto bundle = make(key, scheme, hash);
        for (int again = 0; again < 3; again++) { // The contexts are used again.
            const auto report = verifier->verify(bundle, expected());
            ASSERT_TRUE(report) << report.error().detail;
            bundle.quoted[60] ^= 1; // in the clock
            EXPECT_FALSE(verifier->verify(bundle, expected()));
            bundle.quoted[60] ^= 1;
        }
        bundle.signature.back() ^= 1;
        EXPECT_FALSE(verifier->verify(bundle, expected()));
    }
}

TEST(QuoteKey, AnRsaSignatureOfAnotherSchemeDoesNotHold) {
    const AttestKey key(KeyKind::rsa);
    auto verifier = QuoteVerifier::make(key.public_key());
    auto bundle = make(key, Scheme::rsassa, HashAlg::sha256);
    bundle.signature[1] = 0x16; // RSAPSS
    EXPECT_FALSE(verifier->verify(bundle, expected()));
    bundle.signature[1] = 0x18; // ECDSA
    EXPECT_FALSE(verifier->verify(bundle, expected()));
}

TEST(QuoteKey, APlainSignatureIsTakenWithItsHash) {
    for (const auto &[kind, scheme, hash] : cases) {
        const AttestKey key(kind);
        if (scheme == Scheme::rsapss) {
            continue; // A plain signature does not say that it is one.
        }
        auto bundle = make(key, scheme, hash);
        const Bytes plain = key.sign_plain(bundle.quoted, scheme, hash);
        bundle.signature = signature_from_plain(plain, key.public_key(), hash).value();
        EXPECT_TRUE(QuoteVerifier::make(key.public_key())->verify(bundle, expected()));
        for (std::size_t size = 0; size < plain.size(); size++) {
            EXPECT_FALSE(signature_from_plain(ByteView(plain).first(size), key.public_key(), hash)) << size;
        }
    }
}

TEST(QuoteKey, TheTpmsOwnFormsOfAKeyAreThePemsKey) {
    for (const auto kind : {KeyKind::rsa, KeyKind::p256, KeyKind::p384}) {
        const AttestKey key(kind);
        const Bytes area = key.area(ak_attributes);
        Bytes sized = {static_cast<std::uint8_t>(area.size() >> 8U), static_cast<std::uint8_t>(area.size())};
        sized.insert(sized.end(), area.begin(), area.end());
        for (const auto &file : {area, sized}) {
            const auto read = PublicKey::read(file);
            ASSERT_TRUE(read) << read.error().detail;
            EXPECT_EQ(read->pem(), key.pem());
            ASSERT_TRUE(read->area());
            EXPECT_EQ(read->area()->marshalled, area);
            EXPECT_EQ(read->area()->name.size(), 34U);
            EXPECT_TRUE(QuoteVerifier::make(std::move(*PublicKey::read(file))));
        }
        for (std::size_t size = 0; size < area.size(); size++) {
            EXPECT_EQ(PublicKey::read(ByteView(area).first(size)).error().code, Code::malformed) << size;
        }
    }
}

TEST(QuoteKey, AnRsaKeyWithWhichEverybodySignsIsNoKey) {
    const AttestKey key(KeyKind::rsa);
    Bytes area = key.area(ak_attributes);
    const std::size_t exponent = area.size() - 256 - 2 - 4;
    ASSERT_TRUE(PublicKey::read(area)); // 0 stands for 65537
    const auto with = [&](std::uint32_t value) {
        for (std::size_t i = 0; i < 4; i++) {
            area.at(exponent + i) = static_cast<std::uint8_t>(value >> (8 * (3 - i)));
        }
        return PublicKey::read(area);
    };
    for (const std::uint32_t bad : {1U, 2U, 3U, 65535U, 65538U}) {
        ASSERT_FALSE(with(bad)) << bad;
        EXPECT_NE(with(bad).error().detail.find("odd exponent from 65537 on"), std::string::npos);
    }
    EXPECT_TRUE(with(65537));
    EXPECT_TRUE(with(0xFFFFFFFF));
}

TEST(QuoteKey, APemsExponentIsLookedAtToo) {
    for (const unsigned value : {3U, 65537U}) {
        EVP_PKEY *made = nullptr;
        EVP_PKEY_CTX *const context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
        std::size_t bits = 2048;
        std::size_t exponent = value;
        const std::array params = {OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits),
                                   OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_E, &exponent),
                                   OSSL_PARAM_construct_end()};
        ASSERT_EQ(EVP_PKEY_keygen_init(context), 1);
        ASSERT_EQ(EVP_PKEY_CTX_set_params(context, params.data()), 1);
        ASSERT_EQ(EVP_PKEY_generate(context, &made), 1);
        EVP_PKEY_CTX_free(context);
        EXPECT_EQ(PublicKey::of(KeyPointer(made)).has_value(), value == 65537U) << value;
    }
}

TEST(QuoteKey, APointThatIsNotOnItsCurveIsNoKey) {
    const AttestKey key(KeyKind::p256);
    Bytes area = key.area(ak_attributes);
    area.back() ^= 1;
    EXPECT_EQ(PublicKey::read(area).error().code, Code::malformed);
}

TEST(QuoteKey, AKeyThatSignsWhatNoTpmMadeIsNoAttestationKey) {
    const AttestKey key(KeyKind::p256);
    constexpr std::array<std::uint32_t, 5> needed = {object::fixed_tpm, object::fixed_parent,
                                                     object::sensitive_data_origin, object::restricted,
                                                     object::sign};
    for (const auto bit : needed) {
        const auto verifier =
            QuoteVerifier::make(std::move(*PublicKey::read(key.area(ak_attributes & ~bit))));
        ASSERT_FALSE(verifier) << bit;
        EXPECT_TRUE(verifier.error().detail.starts_with("key: its attributes")) << verifier.error().detail;
    }
    EXPECT_FALSE(QuoteVerifier::make(std::move(*PublicKey::read(key.area(ak_attributes | object::decrypt)))));
}

TEST(PcrFile, WhatWeWriteIsRead) {
    for (unsigned count = 1; count <= pcr_count; count++) {
        Pcrs written;
        for (unsigned pcr = 0; pcr < count; pcr++) {
            written[pcr * (pcr_count - 1) / count] = Bytes(32, static_cast<std::uint8_t>(pcr));
        }
        const Bytes file = serialized_pcrs(written);
        const auto read = read_pcr_file(file, {});
        ASSERT_TRUE(read) << read.error().detail;
        EXPECT_EQ(*read, written);
    }
}

TEST(PcrFile, RawValuesAreOfTheQuotedPcrs) {
    Bytes file(32, 1);
    file.resize(64, 2);
    EXPECT_EQ(read_pcr_file(file, pcrs).value(), (Pcrs{{0, Bytes(32, 1)}, {7, Bytes(32, 2)}}));
    EXPECT_EQ(read_pcr_file(Bytes(32), pcrs).error().code, Code::malformed);
    EXPECT_EQ(read_pcr_file(Bytes(96), pcrs).error().code, Code::malformed);
    EXPECT_EQ(read_pcr_file(Bytes(63), pcrs).error().code, Code::malformed);
}

TEST(PcrFile, WhatIsDamagedIsMalformed) {
    const Bytes good = serialized_pcrs({{0, Bytes(32, 1)}, {7, Bytes(32, 2)}});
    const auto changed = [&](std::size_t at, std::uint8_t value) {
        Bytes file = good;
        file.at(at) = value;
        return read_pcr_file(file, {});
    };
    EXPECT_FALSE(changed(0, 2));    // two banks
    EXPECT_FALSE(changed(4, 4));    // SHA-1
    EXPECT_FALSE(changed(7, 1));    // one PCR, two values
    EXPECT_FALSE(changed(132, 2));  // two lists
    EXPECT_FALSE(changed(132, 0));  // none
    EXPECT_FALSE(changed(136, 9));  // more values than fit
    EXPECT_FALSE(changed(140, 20)); // a short value
    for (std::size_t size = 0; size < good.size(); size++) {
        EXPECT_FALSE(read_pcr_file(ByteView(good).first(size), {}).value_or(Pcrs{}).size() > 0) << size;
    }
}

} // namespace
} // namespace dsmil::attest
