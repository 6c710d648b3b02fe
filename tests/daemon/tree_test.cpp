// SPDX-License-Identifier: Apache-2.0
#include "ledger/tree.hpp"

#include <array>
#include <bit>
#include <gtest/gtest.h>
#include <map>
#include <string>

namespace dsmil::ledger {
namespace {

// RFC 6962 section 2.1, word for word.
Hash reference_root(std::span<const Hash> leaves) {
    if (leaves.empty()) {
        return sha256(ByteView{});
    }
    if (leaves.size() == 1) {
        return leaves.front();
    }
    const std::size_t half = std::bit_floor(leaves.size() - 1);
    return node_hash(reference_root(leaves.first(half)), reference_root(leaves.subspan(half)));
}

std::vector<Hash> make_leaves(std::size_t count) {
    std::vector<Hash> leaves;
    for (std::size_t i = 0; i < count; i++) {
        leaves.push_back(leaf_hash(as_bytes(std::to_string(i))));
    }
    return leaves;
}

// The vectors of the Certificate Transparency reference implementation (merkletree tests).
constexpr std::array<const char *, 8> vector_leaves = {
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
constexpr std::array<const char *, 9> vector_roots = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

TEST(Tree, AgreesWithTheCertificateTransparencyVectors) {
    Edge edge;
    EXPECT_EQ(to_hex(edge.root()), vector_roots[0]);
    for (std::size_t i = 0; i < vector_leaves.size(); i++) {
        edge.append(leaf_hash(from_hex(vector_leaves.at(i)).value()), [](auto...) {});
        EXPECT_EQ(to_hex(edge.root()), vector_roots.at(i + 1)) << i;
    }
}

TEST(Tree, HasTheRootOfTheDefinitionAtEverySize) {
    const auto leaves = make_leaves(1'100);
    Edge edge;
    for (std::size_t i = 0; i < leaves.size(); i++) {
        edge.append(leaves[i], [](auto...) {});
        ASSERT_EQ(edge.root(), reference_root(std::span(leaves).first(i + 1))) << i + 1;
    }
}

TEST(Tree, HashesManyLeavesAsItHashesOne) {
    std::vector<Bytes> records;
    for (std::size_t size = 0; size < 40; size++) {
        records.emplace_back(size * 7, static_cast<std::uint8_t>(size));
        const std::vector<ByteView> views(records.begin(), records.end());
        std::vector<Hash> leaves(views.size());
        leaf_hashes(views, leaves);
        for (std::size_t i = 0; i < views.size(); i++) {
            ASSERT_EQ(leaves[i], leaf_hash(views[i])) << i << " of " << views.size();
        }
    }
}

TEST(Tree, CutsTheTilesOfTheSpecification) {
    // C2SP tlog-tiles: a tree of 70,000 has 273 full level 0 tiles and a partial one of 112, one full
    // level 1 tile and a partial one of 17, and a partial level 2 tile of 1.
    constexpr std::uint64_t size = 70'000;
    std::map<unsigned, std::uint64_t> full;
    Edge edge;
    const Hash leaf = leaf_hash(as_bytes("x"));
    for (std::uint64_t i = 0; i < size; i++) {
        edge.append(leaf, [&](unsigned level, std::uint64_t index, std::span<const Hash> hashes) {
            EXPECT_EQ(index, full[level]++);
            EXPECT_EQ(hashes.size(), tile_width);
        });
    }
    EXPECT_EQ(full, (std::map<unsigned, std::uint64_t>{{0, 273}, {1, 1}}));
    EXPECT_EQ(edge.levels()[0].size(), 112U);
    EXPECT_EQ(edge.levels()[1].size(), 17U);
    EXPECT_EQ(edge.levels()[2].size(), 1U);
    EXPECT_EQ(partial_width(size, 0), 112U);
    EXPECT_EQ(partial_width(size, 1), 17U);
    EXPECT_EQ(partial_width(size, 2), 1U);
    EXPECT_EQ(partial_index(size, 0), 273U);
    EXPECT_EQ(partial_index(size, 1), 1U);
}

TEST(Tree, GoesOnWhereItEnded) {
    const auto leaves = make_leaves(600);
    Edge whole;
    Edge resumed;
    for (const Hash &leaf : leaves) {
        whole.append(leaf, [](auto...) {});
        resumed.append(leaf, [](auto...) {});
        resumed = Edge::resume(resumed.size(), resumed.levels());
        ASSERT_EQ(whole.root(), resumed.root());
    }
}

} // namespace
} // namespace dsmil::ledger
