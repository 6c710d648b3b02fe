// SPDX-License-Identifier: Apache-2.0
// The check-list of a quote, item by item, over quotes that a key in memory signs.
#include "base/sha256.hpp"
#include "support.hpp"
#include "tpm/quote_verify.hpp"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <vector>

namespace dsmil::tpm {
namespace {

void put16(Bytes &out, unsigned value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8U));
    out.push_back(static_cast<std::uint8_t>(value));
}

void put_sized(Bytes &out, ByteView bytes) {
    put16(out, static_cast<unsigned>(bytes.size()));
    out.insert(out.end(), bytes.begin(), bytes.end());
}

// What goes into a TPMS_ATTEST; tests change one thing at a time.
struct Ingredients {
    Bytes magic = {0xFF, 0x54, 0x43, 0x47};
    unsigned type = 0x8018;
    Bytes nonce = Bytes(16, 7);
    unsigned banks = 1;
    unsigned hash = 0x000B;
    std::array<std::uint8_t, 3> select = {0b1000'0001, 0, 0}; // PCRs 0 and 7
    std::map<unsigned, Bytes> pcrs = {{0, Bytes(32, 1)}, {7, Bytes(32, 2)}};
    Bytes after;
};

class QuoteVerify : public testing::Test {
  protected:
    [[nodiscard]] QuoteBundle make(const Ingredients &in) const {
        QuoteBundle bundle;
        Bytes &out = bundle.quoted;
        out = in.magic;
        put16(out, in.type);
        put_sized(out, Bytes(34, 3)); // qualifiedSigner
        put_sized(out, in.nonce);
        out.insert(out.end(), 8 + 4 + 4, 0); // clock, reset, restart
        out.push_back(1);                    // safe
        out.insert(out.end(), 8, 0);         // firmware version
        put16(out, 0);
        put16(out, in.banks);
        for (unsigned i = 0; i < in.banks; i++) {
            put16(out, in.hash);
            out.push_back(3);
            out.insert(out.end(), in.select.begin(), in.select.end());
        }
        Bytes values;
        for (const auto &[pcr, value] : in.pcrs) {
            values.insert(values.end(), value.begin(), value.end());
        }
        put_sized(out, sha256(values));
        out.insert(out.end(), in.after.begin(), in.after.end());
        bundle.signature = sign(out);
        bundle.ak_public_pem = pem();
        bundle.pcrs = in.pcrs;
        return bundle;
    }

    [[nodiscard]] Bytes sign(ByteView message) const {
        const Bytes der = key.sign_digest(sha256(message));
        const unsigned char *at = der.data();
        ECDSA_SIG *parsed = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
        Bytes out;
        put16(out, 0x0018);
        put16(out, 0x000B);
        for (const BIGNUM *number : {ECDSA_SIG_get0_r(parsed), ECDSA_SIG_get0_s(parsed)}) {
            Bytes bytes(32);
            BN_bn2binpad(number, bytes.data(), 32);
            put_sized(out, bytes);
        }
        ECDSA_SIG_free(parsed);
        return out;
    }

    [[nodiscard]] std::string pem() const {
        return "-----BEGIN PUBLIC KEY-----\n" + to_base64(key.spki()) + "\n-----END PUBLIC KEY-----\n";
    }

    void refuses(const Ingredients &in, const std::string &why) const { refuses(make(in), why); }
    void refuses(const QuoteBundle &bundle, const std::string &why) const {
        const auto report = verify_quote(bundle, nonce, pcrs);
        ASSERT_FALSE(report);
        EXPECT_EQ(report.error().code, Code::attestation_failed);
        EXPECT_NE(report.error().detail.find(why), std::string::npos) << report.error().detail;
    }

    test::TestKey key;
    Bytes nonce = Bytes(16, 7);
    std::vector<unsigned> pcrs = {0, 7};
};

TEST_F(QuoteVerify, AGoodOneHolds) {
    const auto report = verify_quote(make({}), nonce, pcrs);
    ASSERT_TRUE(report) << report.error().detail;
    EXPECT_TRUE(report->clock_safe);
}

TEST_F(QuoteVerify, AWrongMagicNumberIsNoTpms) {
    Ingredients in;
    in.magic[3] ^= 1;
    refuses(in, "no TPM made it");
}

TEST_F(QuoteVerify, AnotherKindOfAttestationIsNoQuote) {
    Ingredients in;
    in.type = 0x8017; // ATTEST_CERTIFY
    refuses(in, "it is no quote");
}

TEST_F(QuoteVerify, AnotherKeysSignatureDoesNotHold) {
    const test::TestKey other;
    auto bundle = make({});
    bundle.ak_public_pem =
        "-----BEGIN PUBLIC KEY-----\n" + to_base64(other.spki()) + "\n-----END PUBLIC KEY-----\n";
    refuses(bundle, "the signature does not hold");
}

TEST_F(QuoteVerify, AnAlgorithmOtherThanEcdsaWithSha256IsRefused) {
    auto bundle = make({});
    bundle.signature[1] = 0x14; // RSASSA
    refuses(bundle, "not ECDSA");
    bundle = make({});
    bundle.signature[3] = 0x04; // SHA-1
    refuses(bundle, "not ECDSA");
}

TEST_F(QuoteVerify, AKeyThatIsNoneIsRefused) {
    auto bundle = make({});
    bundle.ak_public_pem = "nonsense";
    refuses(bundle, "not a P-256 public key");
}

TEST_F(QuoteVerify, AnotherNonceIsARetoldAnswer) {
    Ingredients in;
    in.nonce.back() ^= 1;
    refuses(in, "the nonce is another one");
    in.nonce.pop_back();
    refuses(in, "the nonce is another one");
}

TEST_F(QuoteVerify, FewerPcrsThanAskedForAreRefused) {
    Ingredients in;
    in.select = {1, 0, 0};
    in.pcrs.erase(7);
    refuses(in, "it quotes PCRs 0, asked for were 0,7");
}

TEST_F(QuoteVerify, MorePcrsThanAskedForAreRefused) {
    Ingredients in;
    in.select = {0b1000'0011, 0, 0};
    in.pcrs[1] = Bytes(32, 9);
    refuses(in, "it quotes PCRs 0,1,7, asked for were 0,7");
}

TEST_F(QuoteVerify, AnotherBankIsRefused) {
    Ingredients in;
    in.hash = 0x0004; // SHA-1
    refuses(in, "not just the SHA-256 bank");
}

TEST_F(QuoteVerify, ASecondBankIsRefused) {
    Ingredients in;
    in.banks = 2;
    refuses(in, "not just the SHA-256 bank");
}

TEST_F(QuoteVerify, OtherValuesThanTheQuotedAreRefused) {
    auto bundle = make({});
    bundle.pcrs[7][0] ^= 1;
    refuses(bundle, "not those that were quoted");
}

TEST_F(QuoteVerify, AMissingAnAdditionalOrAShortValueIsRefused) {
    auto bundle = make({});
    bundle.pcrs.erase(7);
    refuses(bundle, "PCR 7 is missing");
    bundle = make({});
    bundle.pcrs[9] = Bytes(32);
    refuses(bundle, "not quoted");
    bundle = make({});
    bundle.pcrs[7].pop_back();
    refuses(bundle, "PCR 7 is missing or malformed");
}

TEST_F(QuoteVerify, SomethingBehindTheQuoteIsRefused) {
    Ingredients in;
    in.after = {0};
    refuses(in, "malformed");
}

TEST_F(QuoteVerify, EveryShorterQuoteIsRefused) {
    const auto good = make({});
    for (std::size_t size = 0; size < good.quoted.size(); size++) {
        auto bundle = good;
        bundle.quoted.resize(size);
        bundle.signature = sign(bundle.quoted);
        EXPECT_FALSE(verify_quote(bundle, nonce, pcrs)) << size;
    }
    for (std::size_t size = 0; size < good.signature.size(); size++) {
        auto bundle = good;
        bundle.signature.resize(size);
        EXPECT_FALSE(verify_quote(bundle, nonce, pcrs)) << size;
    }
}

TEST_F(QuoteVerify, EveryFlippedBitIsNoticed) {
    const auto good = make({});
    for (std::size_t bit = 0; bit < good.quoted.size() * 8; bit++) {
        auto bundle = good;
        bundle.quoted[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        EXPECT_FALSE(verify_quote(bundle, nonce, pcrs)) << bit;
    }
}

} // namespace
} // namespace dsmil::tpm
