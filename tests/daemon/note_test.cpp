// SPDX-License-Identifier: Apache-2.0
#include "base/sha256.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/note.hpp"
#include "support.hpp"

#include <format>
#include <gtest/gtest.h>
#include <string>

namespace dsmil::ledger {
namespace {

// The example of C2SP signed-note.
constexpr std::string_view example_key =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
constexpr std::string_view example_note =
    "This is an example message.\n"
    "\n"
    "\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

// A checkpoint of the public Rekor log and its public key: what ECDSA signatures (type 0x02) look like
// in the field.
constexpr std::string_view rekor_spki =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwrkBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/"
    "9A/bY2LhC30M9+RYtw==";
constexpr std::string_view rekor_note =
    "rekor.sigstore.dev - 2605736670972794746\n"
    "90244708\n"
    "COSIc1jqxpbuuTChPdiTqtZBBve7GAVJqTYjqAaM940=\n"
    "\n"
    "\u2014 rekor.sigstore.dev "
    "wNI9ajBEAiAkKWVCpp/N5yF/GlQkAyKQxUsjc3Vpu04YyALJvrBsvAIgcZfXJsJdwLdgUAWwnekWg8YXS4gfz/DM1wVhhcouJBE=\n";

TEST(Note, TheExampleOfTheSpecificationHolds) {
    const auto key = VerifierKey::parse(example_key);
    ASSERT_TRUE(key);
    const auto note = Note::parse(example_note);
    ASSERT_TRUE(note);
    EXPECT_EQ(verify(*note, *key), NoteVerdict::signed_by_key);
    EXPECT_EQ(key->text(), example_key);
    EXPECT_EQ(note->format(), example_note);
}

TEST(Note, ACheckpointOfAPublicLogWithEcdsaHolds) {
    const auto key = VerifierKey::ecdsa("rekor.sigstore.dev", from_base64(rekor_spki).value());
    ASSERT_TRUE(key);
    EXPECT_EQ(key->id, 0xc0d23d6aU); // the start of Rekor's published log id
    const auto note = Note::parse(rekor_note);
    ASSERT_TRUE(note);
    EXPECT_EQ(verify(*note, *key), NoteVerdict::signed_by_key);
    const auto checkpoint = Checkpoint::parse(note->text);
    ASSERT_TRUE(checkpoint);
    EXPECT_EQ(checkpoint->size, 90'244'708U);
}

TEST(Note, EveryFlippedBitIsNoticed) {
    const auto key = VerifierKey::parse(example_key).value();
    for (std::size_t bit = 0; bit < example_note.size() * 8; bit++) {
        std::string flipped(example_note);
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ static_cast<char>(1U << (bit % 8)));
        const auto note = Note::parse(flipped);
        EXPECT_FALSE(note && verify(*note, key) == NoteVerdict::signed_by_key) << bit;
    }
}

TEST(Note, ASignatureOfAnotherKeyIsIgnored) {
    const test::TestKey mine;
    const test::TestKey other;
    const auto note = Note::parse(mine.note("log", 1, Hash{})).value();
    EXPECT_EQ(verify(note, mine.verifier("log")), NoteVerdict::signed_by_key);
    EXPECT_EQ(verify(note, other.verifier("log")), NoteVerdict::unknown);
    EXPECT_EQ(verify(note, mine.verifier("another")), NoteVerdict::unknown);
}

TEST(Note, AWrongSignatureOfTheKeySpoilsTheNote) {
    const test::TestKey key;
    auto note = Note::parse(key.note("log", 1, Hash{})).value();
    auto wrong = note.signatures.front();
    wrong.signature.back() ^= 1;
    note.signatures.push_back(wrong);
    EXPECT_EQ(verify(note, key.verifier("log")), NoteVerdict::wrong);
}

TEST(Note, RefusesWhatIsNone) {
    for (const auto *text :
         {"", "text\n", "text\n\n", "text\n\n\u2014 name\n", "text\n\n\u2014 name AAAA\n",
          "text\n\n- name AAAAAAA=\n", "te\txt\n\n\u2014 name AAAAAAA=\n",
          "text\n\n\u2014 name AAAAAAA=", "text\n\n\u2014  AAAAAAA=\n", "text\n\n\u2014 na+me AAAAAAA=\n",
          "\xff\n\n\u2014 name AAAAAAA=\n", "text\n\n\u2014 name AAAAAA==\n"}) {
        EXPECT_FALSE(Note::parse(text)) << text;
    }
}

TEST(Note, WithTooManySignaturesIsRefused) {
    std::string text = "text\n\n";
    for (std::size_t i = 0; i < max_note_signatures; i++) {
        text += "\u2014 name AAAAAAA=\n";
    }
    EXPECT_TRUE(Note::parse(text));
    EXPECT_FALSE(Note::parse(text + "\u2014 name AAAAAAA=\n"));
}

TEST(VerifierKey, RefusesWhatIsNone) {
    const std::string good(example_key);
    for (const auto &text :
         {std::string(""), std::string("name"), std::string("name+00000000"),
          "x" + good, // the id is another
          good.substr(0, good.size() - 4), std::string("na me+530d903a+AekyeRrm"),
          std::string("example.com/foo+530d903b+") + good.substr(25), std::string("a+00000000+A+++")}) {
        const auto key = VerifierKey::parse(text);
        ASSERT_FALSE(key) << text;
        EXPECT_EQ(key.error().code, Code::usage);
    }
}

TEST(VerifierKey, TakesTheLineWithItsNewline) {
    EXPECT_TRUE(VerifierKey::parse(std::format("{}\n", example_key)));
}

TEST(VerifierKey, RefusesNamesThatCannotBeSpelled) {
    const test::TestKey key;
    for (const auto *name : {"", "a b", "a+b", "a\u00a0b", "a\nb", "\xff"}) {
        EXPECT_FALSE(VerifierKey::ecdsa(name, key.spki())) << name;
    }
}

TEST(Checkpoint, RefusesWhatIsNone) {
    const std::string root = to_base64(Hash{});
    for (const auto &text :
         {std::string(""), std::string("log\n"), std::string("log\n1\n"), "\n1\n" + root + "\n",
          "log\n01\n" + root + "\n", "log\n-1\n" + root + "\n", "log\n\n" + root + "\n",
          std::string("log\n1\nAAAA\n"), "log\n1\n" + root, "log\n18446744073709551616\n" + root + "\n",
          "log\n1\n" + root + "\n\n", "log\n1 \n" + root + "\n"}) {
        EXPECT_FALSE(Checkpoint::parse(text)) << text;
    }
}

TEST(Checkpoint, GoesThereAndBack) {
    const Checkpoint checkpoint{"example.com/log", 123, sha256(as_bytes("root"))};
    EXPECT_EQ(Checkpoint::parse(checkpoint.text()).value(), checkpoint);
    EXPECT_EQ(Checkpoint::parse(checkpoint.text() + "an extension\n").value(), checkpoint);
}

} // namespace
} // namespace dsmil::ledger
