// SPDX-License-Identifier: Apache-2.0
#include "ledger/log_source.hpp"
#include "ledger/proof_file.hpp"
#include "ledger/tile_path.hpp"

#include <gtest/gtest.h>
#include <string>

namespace dsmil::ledger {
namespace {

const std::string hash_a = to_base64(leaf_hash(as_bytes("a"))) + "\n";
const std::string hash_b = to_base64(leaf_hash(as_bytes("b"))) + "\n";
const std::string note = "example.com/log\n2\n" + hash_a + "\n\u2014 example.com/log AAAAAAA=\n";
const std::string header = "c2sp.org/tlog-proof@v1\n";

std::string repeated(const std::string &text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; i++) {
        all += text;
    }
    return all;
}

TEST(InclusionFile, GoesThereAndBack) {
    for (const auto &text :
         {header + "index 0\n\n" + note, header + "index 7\n" + hash_a + hash_b + "\n" + note,
          header + "extra AAEC\nindex 18446744073709551615\n" + hash_a + "\n" + note,
          header + "extra \nindex 1\n" + repeated(hash_a, 64) + "\n" + note}) {
        const auto file = InclusionFile::parse(text);
        ASSERT_TRUE(file) << text;
        EXPECT_EQ(file->format(), text);
    }
    const auto file = InclusionFile::parse(header + "extra AAEC\nindex 7\n" + hash_b + "\n" + note).value();
    EXPECT_EQ(file.extra, (Bytes{0, 1, 2}));
    EXPECT_EQ(file.index, 7U);
    EXPECT_EQ(file.proof, Proof{leaf_hash(as_bytes("b"))});
    EXPECT_EQ(file.checkpoint, note);
}

TEST(InclusionFile, RefusesWhatIsNone) {
    for (const auto &text :
         {std::string(), header, note, header + "index 1\n", header + "index 1\n\n",
          header + "index 01\n\n" + note, header + "index\n\n" + note, header + "index -1\n\n" + note,
          header + "index 1 \n\n" + note, header + "index 18446744073709551616\n\n" + note,
          header + "extra A\nindex 1\n\n" + note, header + "index 1\nextra AAEC\n\n" + note,
          header + "index 1\nAAAA\n\n" + note, header + "index 1\n" + hash_a + note,
          header + "index 1\n" + repeated(hash_a, 65) + "\n" + note,
          "c2sp.org/tlog-proof@v2\nindex 1\n\n" + note, header + "index 1\n\n" + note + "more",
          header + "extra " + to_base64(Bytes(max_extra_bytes + 1)) + "\nindex 1\n\n" + note}) {
        const auto file = InclusionFile::parse(text);
        ASSERT_FALSE(file) << text;
        EXPECT_EQ(file.error().code, Code::failed);
    }
}

TEST(ConsistencyFile, GoesThereAndBack) {
    for (const auto &text : {"old 0\n\n" + note, "old 1\n" + hash_a + hash_b + "\n" + note,
                             "old 5\n" + repeated(hash_a, 63) + "\n" + note}) {
        const auto file = ConsistencyFile::parse(text);
        ASSERT_TRUE(file) << text;
        EXPECT_EQ(file->format(), text);
    }
}

TEST(ConsistencyFile, RefusesWhatIsNone) {
    for (const auto &text :
         {std::string(), note, std::string("old 1\n"), std::string("old 1\n\n"), "old 01\n\n" + note,
          "old \n\n" + note, "old x\n\n" + note, "old 1\n" + hash_a, "old 1\nA\n\n" + note,
          "new 1\n\n" + note, "old 1\n" + repeated(hash_a, 64) + "\n" + note, "old 1\r\n\n" + note}) {
        EXPECT_FALSE(ConsistencyFile::parse(text)) << text;
    }
}

TEST(Bundle, IsSplitAtItsLengths) {
    const Bytes bundle = {0, 1, 'a', 0, 0, 0, 2, 'b', 'c'};
    EXPECT_EQ(parse_bundle(bundle, 3).value(), (std::vector<Bytes>{{'a'}, {}, {'b', 'c'}}));
    EXPECT_EQ(parse_bundle(bundle, 2).error().code, Code::tampered);
    EXPECT_EQ(parse_bundle(bundle, 4).error().code, Code::tampered);
    for (std::size_t cut : {1U, 2U, 4U, 8U}) {
        EXPECT_EQ(parse_bundle(ByteView(bundle).first(cut), 1).error().code, Code::tampered) << cut;
    }
    EXPECT_EQ(parse_bundle(Bytes(2 * 256), 256).value().size(), 256U);
}

TEST(Tile, IsOfWholeHashes) {
    EXPECT_EQ(parse_tile(Bytes(64)).value().size(), 2U);
    for (std::size_t size : {0U, 31U, 33U, 257U * 32U}) {
        EXPECT_EQ(parse_tile(Bytes(size)).error().code, Code::tampered) << size;
    }
}

TEST(TilePath, IsThatOfTheSpecification) {
    EXPECT_EQ(tile_path(0, 1'234'067, 256), "tile/0/x001/x234/067");
    EXPECT_EQ(tile_path(2, 0, 17), "tile/2/000.p/17");
    EXPECT_EQ(tile_path(1, 999, 1), "tile/1/999.p/1");
    EXPECT_EQ(tile_path(1, 1000, 256), "tile/1/x001/000");
    EXPECT_EQ(entries_path(273, 112), "tile/entries/273.p/112");
}

} // namespace
} // namespace dsmil::ledger
