// SPDX-License-Identifier: Apache-2.0
#include "ledger/cbor.hpp"
#include "ledger/record_glance.hpp"
#include "support.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace dsmil::ledger {
namespace {

// Whatever item it is, with what is in it.
void walk(cbor::Cursor &in) { // NOLINT(misc-no-recursion): as deep as these tests write it
    switch (in.next()) {
    case cbor::Cursor::Kind::negative:
        static_cast<void>(in.negative());
        break;
    case cbor::Cursor::Kind::bytes:
        static_cast<void>(in.bytes());
        break;
    case cbor::Cursor::Kind::text:
        static_cast<void>(in.text());
        break;
    case cbor::Cursor::Kind::map:
        for (std::uint64_t left = 2 * in.map(); left > 0; left--) {
            walk(in);
        }
        break;
    default: // also what is none of these
        static_cast<void>(in.number());
    }
}

bool reads(const char *hex) {
    const auto bytes = from_hex(hex).value();
    cbor::Cursor in(bytes);
    walk(in);
    return in.ok() && in.at_end();
}

TEST(Cbor, RefusesWhatIsNotDeterministic) {
    EXPECT_TRUE(reads("1818"));
    EXPECT_FALSE(reads("1817"));               // 23 in two bytes
    EXPECT_FALSE(reads("1900ff"));             // 255 in three
    EXPECT_FALSE(reads("1a0000ffff"));         // 65535 in five
    EXPECT_FALSE(reads("1b00000000ffffffff")); // 2^32 - 1 in nine
    EXPECT_FALSE(reads("5f41004100ff"));       // indefinite length
    EXPECT_FALSE(reads("bf0000ff"));
    EXPECT_TRUE(reads("62c380"));
    EXPECT_FALSE(reads("62c080")); // text that is no UTF-8
}

TEST(Cbor, RefusesWhatRecordsDoNotUse) {
    EXPECT_FALSE(reads("8100"));               // an array
    EXPECT_FALSE(reads("c000"));               // a tag
    EXPECT_FALSE(reads("f90000"));             // a float
    EXPECT_FALSE(reads("f4"));                 // false
    EXPECT_FALSE(reads("f6"));                 // null
    EXPECT_FALSE(reads("3bffffffffffffffff")); // below the smallest 64-bit number
}

TEST(Cbor, RefusesWhatEndsTooEarlyOrTooLate) {
    EXPECT_FALSE(reads(""));
    EXPECT_FALSE(reads("18"));
    EXPECT_FALSE(reads("43aabb"));
    EXPECT_FALSE(reads("a100"));
    EXPECT_FALSE(reads("0000"));
    EXPECT_FALSE(reads("bbffffffffffffffff0000"));
    EXPECT_FALSE(reads("5bffffffffffffffff00"));
}

TEST(Cbor, RemembersTheFirstThingThatIsWrong) {
    const auto bytes = from_hex("00430000").value();
    cbor::Cursor in(bytes);
    EXPECT_FALSE(in.take(1));
    EXPECT_TRUE(in.take(0));
    EXPECT_TRUE(in.bytes().empty());
    EXPECT_EQ(in.text(), "");
    EXPECT_EQ(in.next(), cbor::Cursor::Kind::none);
    EXPECT_NE(in.error().error().detail.find("ends too early (byte 2)"), std::string::npos)
        << in.error().error().detail;
}

TEST(Cbor, EncodesAsRfc8949AppendixA) {
    const auto encoded = [](auto value) {
        cbor::Encoder encoder;
        encoder.number(value);
        return to_hex(encoder.take());
    };
    EXPECT_EQ(encoded(std::uint64_t{0}), "00");
    EXPECT_EQ(encoded(std::uint64_t{23}), "17");
    EXPECT_EQ(encoded(std::uint64_t{24}), "1818");
    EXPECT_EQ(encoded(std::uint64_t{100}), "1864");
    EXPECT_EQ(encoded(std::uint64_t{1000}), "1903e8");
    EXPECT_EQ(encoded(std::uint64_t{1'000'000}), "1a000f4240");
    EXPECT_EQ(encoded(std::uint64_t{1'000'000'000'000}), "1b000000e8d4a51000");
    EXPECT_EQ(encoded(std::numeric_limits<std::uint64_t>::max()), "1bffffffffffffffff");
    EXPECT_EQ(encoded(std::int64_t{-1}), "20");
    EXPECT_EQ(encoded(std::int64_t{-100}), "3863");
    EXPECT_EQ(encoded(std::int64_t{-1000}), "3903e7");
}

TEST(Record, OfEveryFieldComesBackAsItWas) {
    Record record = test::ring_record(77);
    record.sequence = 5;
    record.actor->comm = "\xff\xfe raw";
    record.values = {{"n", std::int64_t{-5}}, {"text", std::string("caf\u00e9")}, {"bytes", Bytes{1, 2}}};
    const auto body = encode(record);
    ASSERT_TRUE(body);
    auto decoded = decode_record(*body);
    ASSERT_TRUE(decoded) << decoded.error().detail;
    // Fields come in the order of the encoding.
    record.values = {{"n", std::int64_t{-5}}, {"text", std::string("caf\u00e9")}, {"bytes", Bytes{1, 2}}};
    EXPECT_EQ(*decoded, record);
}

TEST(Record, IsTheSameBytesWhateverTheOrderOfItsFields) {
    Record one = test::plain_record(1);
    Record two = one;
    one.context = {{"b", std::uint64_t{1}}, {"a", std::uint64_t{2}}, {"aa", std::uint64_t{3}}};
    two.context = {{"aa", std::uint64_t{3}}, {"a", std::uint64_t{2}}, {"b", std::uint64_t{1}}};
    EXPECT_EQ(encode(one).value(), encode(two).value());
}

TEST(Record, ThatIsTooLargeIsRefused) {
    Record record = test::plain_record(1);
    record.context = {{"large", Bytes(max_record_bytes)}};
    EXPECT_EQ(encode(record).error().code, Code::usage);
}

TEST(Record, OfTheLargestSizeIsTaken) {
    Record record = test::plain_record(1);
    record.context = {{"large", Bytes(1'000)}};
    const std::size_t overhead = encode(record)->size() - 1'000;
    record.context = {{"large", Bytes(max_record_bytes - overhead)}};
    const auto body = encode(record);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->size(), max_record_bytes);
    EXPECT_TRUE(decode_record(*body));
}

TEST(Record, WithAFieldTwiceOrNoTextIsRefused) {
    Record twice = test::plain_record(1);
    twice.values = {{"a", std::uint64_t{1}}, {"a", std::uint64_t{2}}};
    EXPECT_FALSE(encode(twice));
    Record strange = test::plain_record(1);
    strange.action = "\xff";
    EXPECT_FALSE(encode(strange));
    strange = test::plain_record(1);
    strange.values = {{"\xff", std::uint64_t{1}}};
    EXPECT_FALSE(encode(strange));
}

TEST(Record, EveryFlippedBitIsAnotherRecordOrNone) {
    const auto body = encode(test::ring_record(3)).value();
    for (std::size_t bit = 0; bit < body.size() * 8; bit++) {
        Bytes flipped = body;
        flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        const auto decoded = decode_record(flipped);
        if (decoded) {
            EXPECT_EQ(encode(*decoded).value(), flipped) << bit; // One record has one spelling.
        }
    }
}

TEST(Record, WhoseFieldsAreOutOfOrderOrTwiceIsRefused) {
    Record record = test::plain_record(1);
    record.context = {{"first", std::uint64_t{1}}, {"third", std::uint64_t{2}}};
    const auto body = encode(record).value();
    const std::string text(as_text(body));
    const auto with = [&](std::string_view first, std::string_view second) {
        std::string changed = text;
        changed.replace(text.find("first"), first.size(), first);
        changed.replace(text.find("third"), second.size(), second);
        return decode_record(as_bytes(changed));
    };
    EXPECT_TRUE(with("first", "third"));
    EXPECT_FALSE(with("third", "first"));
    EXPECT_FALSE(with("first", "first"));
}

// Verification only glances at records, and must not be less strict for it.
TEST(Record, AGlanceSeesTheSameAndRefusesTheSame) {
    const auto body = encode(test::ring_record(3)).value();
    for (std::size_t bit = 0; bit <= body.size() * 8; bit++) {
        Bytes flipped = body;
        if (bit < body.size() * 8) {
            flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        }
        const auto whole = decode_record(flipped);
        const auto glance = glance_at_record(flipped);
        ASSERT_EQ(whole.has_value(), glance.has_value()) << bit;
        if (whole) {
            EXPECT_EQ(whole->sequence, glance->sequence);
            EXPECT_EQ(whole->realtime_ns, glance->realtime_ns);
            EXPECT_EQ(whole->ring, glance->ring);
            EXPECT_EQ(whole->source, glance->source);
            EXPECT_EQ(whole->action, glance->action);
        }
    }
}

TEST(Record, OfAnotherSchemaSaysSo) {
    auto body = encode(test::plain_record(1)).value();
    body[2] = 2; // map head, key 0, schema
    const auto decoded = decode_record(body);
    ASSERT_FALSE(decoded);
    EXPECT_NE(decoded.error().detail.find("another release"), std::string::npos);
}

} // namespace
} // namespace dsmil::ledger
