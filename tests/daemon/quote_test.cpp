// SPDX-License-Identifier: Apache-2.0
// The check-list of a quote, item by item, over quotes that a key in memory signs.
#include "attest/quote.hpp"
#include "attest_support.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace dsmil::attest {
namespace {

using test::AttestKey;
using test::QuoteIngredients;
using Scheme = Signature::Scheme;

class Quote : public testing::Test {
  protected:
    [[nodiscard]] QuoteBundle make(const QuoteIngredients &in) const {
        QuoteBundle bundle;
        bundle.quoted = make_quoted(in);
        bundle.signature = key.sign(bundle.quoted, Scheme::ecdsa, HashAlg::sha256);
        bundle.ak_public_pem = key.pem();
        bundle.pcrs = in.pcrs;
        return bundle;
    }

    void refuses(const QuoteIngredients &in, const std::string &why) const { refuses(make(in), why); }
    void refuses(const QuoteBundle &bundle, const std::string &why) const {
        expect_refusal(verify_quote(bundle, nonce, pcrs), why);
    }
    static void expect_refusal(const Result<QuoteReport> &report, const std::string &why) {
        ASSERT_FALSE(report) << why;
        EXPECT_EQ(report.error().code, Code::attestation_failed);
        EXPECT_NE(report.error().detail.find(why), std::string::npos) << report.error().detail;
    }
    [[nodiscard]] QuoteVerifier verifier() const { return std::move(*QuoteVerifier::make(key.public_key())); }

    AttestKey key{KeyKind::p256};
    Bytes nonce = Bytes(16, 7);
    std::vector<unsigned> pcrs = {0, 7};
};

TEST_F(Quote, AGoodOneHolds) {
    const auto report = verify_quote(make({}), nonce, pcrs);
    ASSERT_TRUE(report) << report.error().detail;
    EXPECT_TRUE(report->clock_safe);
    EXPECT_EQ(report->clock_ms, 1000U);
    EXPECT_EQ(report->reset_count, 5U);
    EXPECT_EQ(report->restart_count, 2U);
    EXPECT_EQ(report->firmware_version, 0x0001000200030004U);
}

TEST_F(Quote, AWrongMagicNumberIsNoTpms) {
    QuoteIngredients in;
    in.magic[3] ^= 1;
    refuses(in, "magic: no TPM made it");
}

TEST_F(Quote, AnotherKindOfAttestationIsNoQuote) {
    QuoteIngredients in;
    in.type = 0x8017; // ATTEST_CERTIFY
    refuses(in, "type: it is no quote");
}

TEST_F(Quote, AnotherKeysSignatureDoesNotHold) {
    auto bundle = make({});
    bundle.ak_public_pem = AttestKey(KeyKind::p256).pem();
    refuses(bundle, "signature: the signature does not hold");
}

TEST_F(Quote, ASchemeThatIsNotOfTheKeyIsRefused) {
    auto bundle = make({});
    bundle.signature[1] = 0x14; // RSASSA
    refuses(bundle, "signature: it is not ECDSA, RSASSA or RSAPSS by a key of this kind");
    bundle.signature[1] = 0x05; // HMAC
    refuses(bundle, "signature: it is not ECDSA, RSASSA or RSAPSS");
}

TEST_F(Quote, ASignatureOverSha1IsRefused) {
    auto bundle = make({});
    bundle.signature[3] = 0x04;
    refuses(bundle, "signature: it is not over SHA-256");
}

TEST_F(Quote, AKeyThatIsNoneIsRefused) {
    auto bundle = make({});
    bundle.ak_public_pem = "nonsense";
    refuses(bundle, "key: it is neither PEM nor");
    bundle.ak_public_pem = "";
    refuses(bundle, "key: the file is empty");
    bundle.ak_public_pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    refuses(bundle, "key: the PEM has no public key");
}

TEST_F(Quote, AnotherNonceIsARetoldAnswer) {
    QuoteIngredients in;
    in.nonce.back() ^= 1;
    refuses(in, "nonce: the nonce is another one");
    in.nonce.pop_back();
    refuses(in, "nonce: the nonce is another one");
    in.nonce.clear();
    refuses(in, "nonce: the nonce is another one");
}

TEST_F(Quote, FewerPcrsThanAskedForAreRefused) {
    QuoteIngredients in;
    in.select = {1, 0, 0};
    in.pcrs.erase(7);
    refuses(in, "selection: it quotes PCRs 0, asked for were 0,7");
}

TEST_F(Quote, MorePcrsThanAskedForAreRefused) {
    QuoteIngredients in;
    in.select = {0b1000'0011, 0, 0};
    in.pcrs[1] = Bytes(32, 9);
    refuses(in, "selection: it quotes PCRs 0,1,7, asked for were 0,7");
}

TEST_F(Quote, NoPcrsAreRefused) {
    QuoteIngredients in;
    in.select = {0, 0, 0};
    in.pcrs.clear();
    refuses(in, "selection: it quotes PCRs none, asked for were 0,7");
}

TEST_F(Quote, AnotherBankIsRefused) {
    QuoteIngredients in;
    in.bank = 0x0004; // SHA-1
    refuses(in, "bank: it quotes not just the SHA-256 bank");
}

TEST_F(Quote, ASecondBankIsRefused) {
    QuoteIngredients in;
    in.banks = 2;
    refuses(in, "bank: it quotes not just the SHA-256 bank");
    in.banks = 0;
    refuses(in, "bank: it quotes not just the SHA-256 bank");
}

TEST_F(Quote, OtherValuesThanTheQuotedAreRefused) {
    auto bundle = make({});
    bundle.pcrs[7][0] ^= 1;
    refuses(bundle, "values: the values of the PCRs are not those that were quoted");
}

TEST_F(Quote, AMissingAnAdditionalOrAShortValueIsRefused) {
    auto bundle = make({});
    bundle.pcrs.erase(7);
    refuses(bundle, "values: the value of PCR 7 is missing");
    bundle = make({});
    bundle.pcrs[9] = Bytes(32);
    refuses(bundle, "not quoted");
    bundle = make({});
    bundle.pcrs[7].pop_back();
    refuses(bundle, "values: the value of PCR 7 is missing or malformed");
}

TEST_F(Quote, SomethingBehindTheQuoteIsRefused) {
    QuoteIngredients in;
    in.after = {0};
    refuses(in, "form: the quote is malformed");
}

TEST_F(Quote, EveryShorterQuoteIsRefused) {
    const auto good = make({});
    for (std::size_t size = 0; size < good.quoted.size(); size++) {
        auto bundle = good;
        bundle.quoted.resize(size);
        bundle.signature = key.sign(bundle.quoted, Scheme::ecdsa, HashAlg::sha256);
        EXPECT_FALSE(verify_quote(bundle, nonce, pcrs)) << size;
    }
    for (std::size_t size = 0; size < good.signature.size(); size++) {
        auto bundle = good;
        bundle.signature.resize(size);
        EXPECT_FALSE(verify_quote(bundle, nonce, pcrs)) << size;
    }
}

TEST_F(Quote, EveryFlippedBitIsNoticed) {
    const auto good = make({});
    for (std::size_t bit = 0; bit < good.quoted.size() * 8; bit++) {
        auto bundle = good;
        bundle.quoted[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        EXPECT_FALSE(verify_quote(bundle, nonce, pcrs)) << bit;
    }
    for (std::size_t bit = 0; bit < good.signature.size() * 8; bit++) {
        auto bundle = good;
        bundle.signature[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        EXPECT_FALSE(verify_quote(bundle, nonce, pcrs)) << bit;
    }
}

// ------------------------------------------------ compared with an earlier quote --

class QuoteClock : public Quote {
  protected:
    // The same key quoted `in` after `earlier`.
    [[nodiscard]] Result<QuoteReport> after(const QuoteIngredients &earlier,
                                            const QuoteIngredients &in) const {
        const auto before = read_report(make_quoted(earlier));
        return verifier().verify(
            make(in), {.nonce = nonce, .pcrs = pcrs, .earlier = &*before, .firmware_versions = {}});
    }
};

TEST_F(QuoteClock, TheSameOrALaterOneHolds) {
    QuoteIngredients later;
    EXPECT_TRUE(after({}, later));
    later.clock_ms++;
    EXPECT_TRUE(after({}, later));
    later.reset_count++;
    later.restart_count = 0;
    EXPECT_TRUE(after({}, later));
}

TEST_F(QuoteClock, AnEarlierClockIsRefused) {
    QuoteIngredients in;
    in.clock_ms--;
    expect_refusal(after({}, in), "clock: the TPM's clock (999 ms) is before");
    in.reset_count++;
    expect_refusal(after({}, in), "clock: the TPM's clock (999 ms) is before");
}

TEST_F(QuoteClock, AClockThatWentBackInAPowerCutHolds) {
    QuoteIngredients in;
    in.clock_ms = 1;
    in.reset_count++;
    in.clock_safe = false;
    EXPECT_TRUE(after({}, in));
    in.reset_count--;
    expect_refusal(after({}, in), "clock: the TPM's clock (1 ms) is before");
}

TEST_F(QuoteClock, FewerResetsOrRestartsAreRefused) {
    QuoteIngredients in;
    in.clock_ms += 100;
    in.reset_count--;
    expect_refusal(after({}, in), "clock: the TPM's count of starts is before");
    in.reset_count++;
    in.restart_count--;
    expect_refusal(after({}, in), "clock: the TPM's count of starts is before");
}

TEST_F(QuoteClock, ADisguisedCounterMayWrap) {
    QuoteIngredients earlier;
    earlier.reset_count = 0xFFFFFFFF;
    QuoteIngredients in;
    in.reset_count = 0;
    EXPECT_TRUE(after(earlier, in));
    expect_refusal(after(in, earlier), "clock: the TPM's count of starts is before");
}

TEST_F(QuoteClock, AnotherKeysQuoteIsNoMeasure) {
    QuoteIngredients in;
    in.signer[0] ^= 1;
    expect_refusal(after({}, in), "clock: the earlier quote is another key's");
}

TEST_F(Quote, WhatIsNoQuoteNamesNoPcrs) {
    EXPECT_EQ(quoted_pcrs(make_quoted(QuoteIngredients{})).value(), pcrs);
    const auto fails = [](const Bytes &quoted) {
        const auto named = quoted_pcrs(quoted);
        return named ? "" : named.error().detail.substr(0, named.error().detail.find(':'));
    };
    QuoteIngredients other;
    other.magic[0] = 0;
    EXPECT_EQ(fails(make_quoted(other)), "magic");
    other = {};
    other.type = 0x8017;
    EXPECT_EQ(fails(make_quoted(other)), "type");
    other = {};
    other.after = {0};
    EXPECT_EQ(fails(make_quoted(other)), "form");
}

TEST_F(Quote, WhatIsNoEarlierQuoteIsMalformed) {
    EXPECT_EQ(read_report(Bytes(10)).error().code, Code::malformed);
}

TEST_F(Quote, AFirmwareVersionThatIsNotKnownIsRefused) {
    const std::vector<std::uint64_t> others = {1, 0x0001000200030005};
    const std::vector<std::uint64_t> known = {1, 0x0001000200030004};
    expect_refusal(verifier().verify(make({}), {.nonce = nonce, .pcrs = pcrs, .firmware_versions = others}),
                   "firmware: the TPM's firmware version 0x0001000200030004 is not one that is known");
    EXPECT_TRUE(verifier().verify(make({}), {.nonce = nonce, .pcrs = pcrs, .firmware_versions = known}));
}

} // namespace
} // namespace dsmil::attest
