// SPDX-License-Identifier: Apache-2.0
// The signature types beyond plain Ed25519 and P-256. tests/cli/test_note.py has the published
// vectors, and signatures that Go, OpenSSL and Python made.
#include "ledger/checkpoint.hpp"
#include "ledger/cosignature.hpp"
#include "ledger/note.hpp"

#include <format>
#include <gtest/gtest.h>
#include <memory>
#include <openssl/evp.h>
#include <string>

namespace dsmil::ledger {
namespace {

struct Deleter {
    void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
};

// A cosigner in memory.
class Cosigner {
  public:
    explicit Cosigner(SignatureType type)
        : type_(type),
          key_(EVP_PKEY_Q_keygen(nullptr, nullptr,
                                 type == SignatureType::cosignature_mldsa ? "ML-DSA-44" : "ED25519")) {}

    [[nodiscard]] VerifierKey verifier(std::string name) const {
        std::size_t size = 0;
        EXPECT_EQ(EVP_PKEY_get_raw_public_key(key_.get(), nullptr, &size), 1);
        Bytes bytes(size);
        EXPECT_EQ(EVP_PKEY_get_raw_public_key(key_.get(), bytes.data(), &size), 1);
        return VerifierKey::raw(std::move(name), type_, std::move(bytes)).value();
    }

    [[nodiscard]] Bytes sign(ByteView message) const {
        const std::unique_ptr<EVP_MD_CTX, Deleter> context(EVP_MD_CTX_new());
        std::size_t size = 0;
        EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()), 1);
        EXPECT_EQ(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()), 1);
        Bytes signature(size);
        EXPECT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()), 1);
        return signature;
    }

    [[nodiscard]] NoteSignature cosign(const std::string &name, std::uint64_t time,
                                       const std::string &text) const {
        Bytes message;
        if (type_ == SignatureType::cosignature_mldsa) {
            const auto checkpoint = Checkpoint::parse(text).value();
            message =
                mldsa_cosigned_message(name, time, {checkpoint.origin, 0, checkpoint.size, checkpoint.root})
                    .value();
        } else {
            const std::string line = ed25519_cosigned_text(time, text);
            message.assign(line.begin(), line.end());
        }
        return {name, verifier(name).id, join_cosignature(time, sign(message))};
    }

  private:
    SignatureType type_;
    std::unique_ptr<EVP_PKEY, Deleter> key_;
};

const std::string text = Checkpoint{"example.com/log", 123, sha256(as_bytes("root"))}.text();

class Cosignature : public testing::TestWithParam<SignatureType> {};

TEST_P(Cosignature, HoldsWithItsTimestamp) {
    const Cosigner cosigner(GetParam());
    const Note note{text, {cosigner.cosign("witness.example/w1", 1'700'000'000, text)}};
    const auto again = Note::parse(note.format()).value();
    const auto check = NoteVerifier(cosigner.verifier("witness.example/w1")).check(again);
    EXPECT_EQ(check.verdict, NoteVerdict::signed_by_key);
    EXPECT_EQ(check.timestamp, 1'700'000'000U);
}

TEST_P(Cosignature, TheNewestOfAKeyCounts) {
    const Cosigner cosigner(GetParam());
    const Note note{
        text, {cosigner.cosign("w", 7, text), cosigner.cosign("w", 9, text), cosigner.cosign("w", 8, text)}};
    EXPECT_EQ(NoteVerifier(cosigner.verifier("w")).check(note).timestamp, 9U);
}

TEST_P(Cosignature, CoversTheTimestampAndEveryByteOfTheSignature) {
    const Cosigner cosigner(GetParam());
    const NoteVerifier verifier(cosigner.verifier("w"));
    const Note note{text, {cosigner.cosign("w", 1'700'000'000, text)}};
    // Each verification of ML-DSA takes its time under a sanitizer: some bytes of its 2,428.
    const std::size_t step = GetParam() == SignatureType::cosignature_mldsa ? 37 : 1;
    for (std::size_t i = 0; i < note.signatures[0].signature.size(); i += i < 8 ? 1 : step) {
        Note changed = note;
        changed.signatures[0].signature[i] ^= 1;
        EXPECT_EQ(verifier.check(changed).verdict, NoteVerdict::wrong) << i;
    }
}

TEST_P(Cosignature, DoesNotHoldForAnotherTree) {
    const Cosigner cosigner(GetParam());
    const auto signature = cosigner.cosign("w", 5, text);
    const NoteVerifier verifier(cosigner.verifier("w"));
    for (const auto &other : {Checkpoint{"example.com/log", 124, sha256(as_bytes("root"))},
                              Checkpoint{"example.com/log", 123, sha256(as_bytes("another"))},
                              Checkpoint{"example.com/other", 123, sha256(as_bytes("root"))}}) {
        EXPECT_EQ(verifier.check(Note{other.text(), {signature}}).verdict, NoteVerdict::wrong);
    }
}

TEST_P(Cosignature, OnWhatIsNoCheckpointIsWrong) {
    const Cosigner cosigner(GetParam());
    const NoteVerifier verifier(cosigner.verifier("w"));
    const std::string plain = "just a text\n";
    const std::string line = ed25519_cosigned_text(5, plain);
    const Note note{plain, {{"w", verifier.key().id, join_cosignature(5, cosigner.sign(as_bytes(line)))}}};
    EXPECT_EQ(verifier.check(note).verdict, NoteVerdict::wrong);
}

TEST_P(Cosignature, WithATimestampBeyondItsRangeIsWrong) {
    const Cosigner cosigner(GetParam());
    const NoteVerifier verifier(cosigner.verifier("w"));
    const auto judge = [&](std::uint64_t time) {
        return verifier.check(Note{text, {cosigner.cosign("w", time, text)}}).verdict;
    };
    EXPECT_EQ(judge(max_cosignature_time), NoteVerdict::signed_by_key);
    EXPECT_EQ(judge(max_cosignature_time + 1), NoteVerdict::wrong);
}

TEST_P(Cosignature, OfAnUnknownKeyIsIgnored) {
    const Cosigner cosigner(GetParam());
    const Cosigner other(GetParam());
    const Note note{text, {cosigner.cosign("w", 5, text), {"w", 1, {1}}, {"x", 1, {1}}}};
    EXPECT_EQ(NoteVerifier(other.verifier("w")).check(note).verdict, NoteVerdict::unknown);
    EXPECT_EQ(NoteVerifier(cosigner.verifier("x")).check(note).verdict, NoteVerdict::unknown);
    EXPECT_EQ(NoteVerifier(cosigner.verifier("w")).check(note).verdict, NoteVerdict::signed_by_key);
}

TEST_P(Cosignature, ItsKeyGoesThereAndBack) {
    const auto key = Cosigner(GetParam()).verifier("example.com/w");
    const auto again = VerifierKey::parse(key.text()).value();
    EXPECT_EQ(again.text(), key.text());
    EXPECT_EQ(again.type, GetParam());
    auto cut = key.key;
    cut.pop_back();
    EXPECT_EQ(VerifierKey::raw("example.com/w", GetParam(), cut).error().code, Code::usage);
}

INSTANTIATE_TEST_SUITE_P(Types, Cosignature,
                         testing::Values(SignatureType::cosignature_ed25519,
                                         SignatureType::cosignature_mldsa));

TEST(Keys, OfOneKeyAsAnotherTypeHaveAnotherId) {
    const auto key = Cosigner(SignatureType::cosignature_ed25519).verifier("w");
    EXPECT_NE(VerifierKey::raw("w", SignatureType::ed25519, key.key).value().id, key.id);
}

TEST(MldsaMessage, IsTheStructureOfTheSpecification) {
    Hash hash{};
    hash.fill(0xAB);
    const auto message = mldsa_cosigned_message("w/1", 0x0102030405060708, {"log", 8, 13, hash}).value();
    EXPECT_EQ(to_hex(message), "737562747265652f76310a00"
                               "03772f31"
                               "0102030405060708"
                               "036c6f67"
                               "0000000000000008"
                               "000000000000000d" +
                                   to_hex(hash));
}

TEST(MldsaMessage, HasNamesOfOneTo255Bytes) {
    const std::string longest(255, 'x');
    EXPECT_TRUE(mldsa_cosigned_message(longest, 0, {longest, 0, 1, {}}));
    EXPECT_FALSE(mldsa_cosigned_message(longest + "x", 0, {"log", 0, 1, {}}));
    EXPECT_FALSE(mldsa_cosigned_message("w", 0, {longest + "x", 0, 1, {}}));
    EXPECT_FALSE(mldsa_cosigned_message("", 0, {"log", 0, 1, {}}));
    EXPECT_FALSE(mldsa_cosigned_message("w", 0, {"", 0, 1, {}}));
}

TEST(Keys, OfAFileAreReadLineByLine) {
    const auto a = Cosigner(SignatureType::cosignature_ed25519).verifier("a").text();
    const auto b = Cosigner(SignatureType::cosignature_ed25519).verifier("b").text();
    const auto keys = parse_keys(std::format("# the log\n{}\n\n  {}  \r\n", a, b)).value();
    ASSERT_EQ(keys.size(), 2U);
    EXPECT_EQ(keys[0].text(), a);
    EXPECT_EQ(keys[1].text(), b);
    for (const auto &bad : {std::string(), std::string("# nothing\n\n"), a + "\n" + a, a + "\nnonsense\n"}) {
        EXPECT_EQ(parse_keys(bad).error().code, Code::usage) << bad;
    }
}

TEST(Keys, AreNoMoreThanTheLimit) {
    std::string many;
    for (std::size_t i = 0; i <= max_keys; i++) {
        many += Cosigner(SignatureType::cosignature_ed25519).verifier(std::to_string(i)).text() + "\n";
    }
    EXPECT_EQ(parse_keys(many).error().code, Code::usage);
    many.pop_back();
    EXPECT_TRUE(parse_keys(many.substr(0, many.rfind('\n') + 1)));
}

} // namespace
} // namespace dsmil::ledger
