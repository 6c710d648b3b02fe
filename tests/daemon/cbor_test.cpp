// SPDX-License-Identifier: Apache-2.0
#include "ledger/cbor.hpp"
#include "ledger/record.hpp"
#include "support.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace dsmil::ledger {
namespace {

bool decodes(const char *hex) {
    return cbor::decode(from_hex(hex).value()).has_value();
}

TEST(Cbor, RefusesWhatIsNotDeterministic) {
    EXPECT_FALSE(decodes("1817"));               // 23 in two bytes
    EXPECT_FALSE(decodes("1900ff"));             // 255 in three
    EXPECT_FALSE(decodes("1a0000ffff"));         // 65535 in five
    EXPECT_FALSE(decodes("1b00000000ffffffff")); // 2^32 - 1 in nine
    EXPECT_FALSE(decodes("5f41004100ff"));       // indefinite length
    EXPECT_FALSE(decodes("9f00ff"));
    EXPECT_FALSE(decodes("a201000000"));     // keys out of order
    EXPECT_FALSE(decodes("a200000000"));     // a key twice
    EXPECT_FALSE(decodes("a2626161006162")); // the longer key first
    EXPECT_FALSE(decodes("62c080"));         // text that is no UTF-8
}

TEST(Cbor, RefusesWhatRecordsDoNotUse) {
    EXPECT_FALSE(decodes("c000"));               // a tag
    EXPECT_FALSE(decodes("f90000"));             // a float
    EXPECT_FALSE(decodes("f4"));                 // false
    EXPECT_FALSE(decodes("f6"));                 // null
    EXPECT_FALSE(decodes("3bffffffffffffffff")); // below the smallest 64-bit number
}

TEST(Cbor, RefusesWhatEndsTooEarlyOrTooLate) {
    EXPECT_FALSE(decodes(""));
    EXPECT_FALSE(decodes("18"));
    EXPECT_FALSE(decodes("43aabb"));
    EXPECT_FALSE(decodes("8200"));
    EXPECT_FALSE(decodes("a100"));
    EXPECT_FALSE(decodes("0000"));
    EXPECT_FALSE(decodes("9bffffffffffffffff00"));
    EXPECT_FALSE(decodes("5bffffffffffffffff00"));
}

TEST(Cbor, RefusesDepth) {
    EXPECT_TRUE(decodes("818181818181818100"));
    EXPECT_FALSE(decodes("81818181818181818100"));
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

TEST(Record, OfAnotherSchemaSaysSo) {
    auto body = encode(test::plain_record(1)).value();
    body[2] = 2; // map head, key 0, schema
    const auto decoded = decode_record(body);
    ASSERT_FALSE(decoded);
    EXPECT_NE(decoded.error().detail.find("another release"), std::string::npos);
}

} // namespace
} // namespace dsmil::ledger
