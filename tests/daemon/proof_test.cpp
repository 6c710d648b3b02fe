// SPDX-License-Identifier: Apache-2.0
// Proofs against the definitions of RFC 6962, word for word, and what must not pass.
// The published vectors and Go's implementation judge the commands: tests/cli/test_proof.py.
#include "ledger/proof.hpp"

#include <algorithm>
#include <bit>
#include <gtest/gtest.h>
#include <string>

namespace dsmil::ledger {
namespace {

using Leaves = std::span<const Hash>;

Hash reference_root(Leaves leaves) {
    if (leaves.size() == 1) {
        return leaves.front();
    }
    const std::size_t half = std::bit_floor(leaves.size() - 1);
    return node_hash(reference_root(leaves.first(half)), reference_root(leaves.subspan(half)));
}

// PATH(m, D[n]) of section 2.1.1.
Proof reference_path(std::size_t m, Leaves leaves) {
    if (leaves.size() == 1) {
        return {};
    }
    const std::size_t half = std::bit_floor(leaves.size() - 1);
    const Leaves left = leaves.first(half);
    const Leaves right = leaves.subspan(half);
    Proof path = m < half ? reference_path(m, left) : reference_path(m - half, right);
    path.push_back(reference_root(m < half ? right : left));
    return path;
}

// SUBPROOF(m, D[n], b) of section 2.1.2.
Proof reference_subproof(std::size_t m, Leaves leaves, bool whole) {
    if (m == leaves.size()) {
        return whole ? Proof{} : Proof{reference_root(leaves)};
    }
    const std::size_t half = std::bit_floor(leaves.size() - 1);
    const Leaves left = leaves.first(half);
    const Leaves right = leaves.subspan(half);
    Proof proof = m <= half ? reference_subproof(m, left, whole) : reference_subproof(m - half, right, false);
    proof.push_back(reference_root(m <= half ? right : left));
    return proof;
}

// A log of so many leaves as its stored tiles, the rightmost ones partial.
class Tiles {
  public:
    explicit Tiles(std::size_t size) {
        Edge edge;
        for (std::size_t i = 0; i < size; i++) {
            leaves.push_back(leaf_hash(as_bytes(std::to_string(i))));
            edge.append(leaves.back(), [this](unsigned level, std::uint64_t index, auto hashes) {
                tiles[{level, index}].assign(hashes.begin(), hashes.end());
            });
        }
        for (unsigned level = 0; level < edge.levels().size(); level++) {
            tiles[{level, partial_index(size, level)}] = edge.levels()[level];
        }
    }

    TileTree tree() {
        return {leaves.size(), [this](unsigned level, std::uint64_t index, std::uint64_t) {
                    reads++;
                    return Result<std::vector<Hash>>(tiles[{level, index}]);
                }};
    }

    std::vector<Hash> leaves;
    std::map<std::pair<unsigned, std::uint64_t>, std::vector<Hash>> tiles;
    unsigned reads = 0;
};

// Some sizes around what the tiles and the splits make special.
std::vector<std::size_t> sizes() {
    std::vector<std::size_t> all;
    for (std::size_t size = 1; size <= 20; size++) {
        all.push_back(size);
    }
    all.insert(all.end(), {31, 64, 65, 255, 256, 257, 300, 511, 512, 513, 700});
    return all;
}

TEST(Proof, InclusionIsTheDefinitionsAtEverySize) {
    Tiles tiles(700);
    for (const std::size_t size : sizes()) {
        const auto first = Leaves(tiles.leaves).first(size);
        const Hash root = reference_root(first);
        auto tree = tiles.tree();
        ASSERT_EQ(tree.root(size).value(), root) << size;
        for (std::size_t index = 0; index < size; index += index % 7 + 1) {
            const auto proof = tree.inclusion(index, size);
            ASSERT_TRUE(proof);
            ASSERT_EQ(*proof, reference_path(index, first)) << index << " of " << size;
            ASSERT_EQ(tree.leaf(index).value(), first[index]);
            ASSERT_TRUE(check_inclusion(first[index], index, size, root, *proof)) << index << " of " << size;
        }
    }
}

TEST(Proof, ConsistencyIsTheDefinitionsAtEverySize) {
    Tiles tiles(700);
    auto tree = tiles.tree();
    for (const std::size_t size2 : sizes()) {
        const auto second = Leaves(tiles.leaves).first(size2);
        for (const std::size_t size1 : sizes()) {
            if (size1 > size2) {
                break;
            }
            const auto proof = tree.consistency(size1, size2);
            ASSERT_TRUE(proof);
            ASSERT_EQ(*proof, reference_subproof(size1, second, true)) << size1 << " to " << size2;
            ASSERT_TRUE(check_consistency(size1, reference_root(second.first(size1)), size2,
                                          reference_root(second), *proof))
                << size1 << " to " << size2;
        }
    }
}

TEST(Proof, OfATreeThatIsStoredTakesATileALevelAndTheEdge) {
    Tiles tiles(70'000);
    auto tree = tiles.tree();
    ASSERT_TRUE(tree.inclusion(12'345, 70'000));
    EXPECT_LE(tiles.reads, 6U);
}

TEST(Proof, AnInclusionThatIsChangedDoesNotHold) {
    Tiles tiles(300);
    const std::size_t size = 300;
    const Hash root = reference_root(tiles.leaves);
    for (const std::size_t index : {0U, 1U, 255U, 256U, 299U}) {
        const auto proof = tiles.tree().inclusion(index, size).value();
        const Hash &leaf = tiles.leaves[index];
        const auto refuses = [&](const Hash &of, std::uint64_t at, std::uint64_t in, const Hash &to,
                                 const Proof &with) {
            const auto checked = check_inclusion(of, at, in, to, with);
            return !checked && checked.error().code == Code::proof_refused;
        };
        EXPECT_TRUE(refuses(root, index, size, root, proof));
        EXPECT_TRUE(refuses(leaf, index, size, leaf, proof));
        EXPECT_TRUE(refuses(leaf, index ^ 1U, size, root, proof));
        EXPECT_TRUE(refuses(leaf, size, size, root, proof));
        EXPECT_TRUE(refuses(leaf, index, 0, root, proof));
        EXPECT_TRUE(refuses(leaf, index, 2 * size, root, proof));
        EXPECT_TRUE(refuses(leaf, index, size, root, {}));
        for (std::size_t i = 0; i < proof.size(); i++) {
            for (std::size_t bit = 0; bit < 256; bit++) {
                auto changed = proof;
                changed[i].at(bit / 8) ^= static_cast<std::uint8_t>(1U << (bit % 8));
                ASSERT_TRUE(refuses(leaf, index, size, root, changed)) << i << " " << bit;
            }
            auto shorter = proof;
            shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
            EXPECT_TRUE(refuses(leaf, index, size, root, shorter));
            auto longer = proof;
            longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(i), root);
            EXPECT_TRUE(refuses(leaf, index, size, root, longer));
        }
        auto longer = proof;
        longer.push_back(root);
        EXPECT_TRUE(refuses(leaf, index, size, root, longer));
    }
}

TEST(Proof, AConsistencyThatIsChangedDoesNotHold) {
    Tiles tiles(300);
    const Hash root2 = reference_root(tiles.leaves);
    for (const std::size_t size1 : {1U, 2U, 7U, 128U, 255U, 256U, 299U}) {
        const Hash root1 = reference_root(Leaves(tiles.leaves).first(size1));
        const auto proof = tiles.tree().consistency(size1, 300).value();
        const auto holds = [&](std::uint64_t of, const Hash &from, std::uint64_t in, const Hash &to,
                               const Proof &with) {
            return check_consistency(of, from, in, to, with).has_value();
        };
        EXPECT_TRUE(holds(size1, root1, 300, root2, proof));
        EXPECT_FALSE(holds(size1, root2, 300, root2, proof));
        EXPECT_FALSE(holds(size1, root1, 300, root1, proof));
        EXPECT_FALSE(holds(300, root2, size1, root1, proof));
        EXPECT_FALSE(holds(0, root1, 300, root2, proof));
        EXPECT_FALSE(holds(size1, root1, 300, root2, {}));
        for (std::size_t i = 0; i < proof.size(); i++) {
            auto changed = proof;
            changed[i].front() ^= 1;
            EXPECT_FALSE(holds(size1, root1, 300, root2, changed));
            auto shorter = proof;
            shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
            EXPECT_FALSE(holds(size1, root1, 300, root2, shorter));
        }
        auto longer = proof;
        longer.push_back(root2);
        EXPECT_FALSE(holds(size1, root1, 300, root2, longer));
    }
}

TEST(Proof, OfEqualSizesIsEmptyAndWantsEqualRoots) {
    const Hash root = leaf_hash(as_bytes("a"));
    const Hash other = leaf_hash(as_bytes("b"));
    EXPECT_TRUE(check_consistency(5, root, 5, root, {}));
    EXPECT_FALSE(check_consistency(5, root, 5, other, {}));
    EXPECT_FALSE(check_consistency(5, root, 5, root, Proof{root}));
}

TEST(Proof, NothingFollowsFromAnEmptyTree) {
    const Hash empty = sha256(ByteView{});
    EXPECT_FALSE(check_consistency(0, empty, 0, empty, {}));
    EXPECT_FALSE(check_consistency(0, empty, 1, leaf_hash(as_bytes("a")), {}));
    EXPECT_FALSE(check_inclusion(empty, 0, 0, empty, {}));
}

TEST(Proof, WhatIsNoHashIsNoneOfTheTree) {
    const Hash leaf = leaf_hash(as_bytes("a"));
    EXPECT_TRUE(check_inclusion(leaf, 0, 1, leaf, {}));
    EXPECT_FALSE(check_inclusion(ByteView(leaf).first(31), 0, 1, leaf, {}));
    EXPECT_FALSE(check_inclusion(leaf, 0, 1, ByteView{}, {}));
    EXPECT_FALSE(check_consistency(1, ByteView{}, 2, leaf, Proof{leaf}));
}

TEST(Proof, TheLargestTreeHasOne) {
    // The last leaf of 2^64 - 1: a left sibling for each one in its number.
    constexpr std::uint64_t size = ~std::uint64_t{0};
    const Hash leaf = leaf_hash(as_bytes("last"));
    const Proof proof(63, leaf_hash(as_bytes("left")));
    Hash root = leaf;
    for (const Hash &hash : proof) {
        root = node_hash(hash, root);
    }
    EXPECT_TRUE(check_inclusion(leaf, size - 1, size, root, proof));
    EXPECT_FALSE(check_inclusion(leaf, size - 1, size, root, std::span(proof).first(62)));
    EXPECT_FALSE(check_inclusion(leaf, size - 1, size, root, Proof(64, proof.front())));
    EXPECT_FALSE(check_inclusion(leaf, size, size, root, proof));
    EXPECT_FALSE(check_consistency(size - 1, root, size, root, Proof(65, leaf)));
    EXPECT_FALSE(check_consistency(std::uint64_t{1} << 63U, root, size, root, Proof(64, leaf)));
}

TEST(Proof, OfWhatTheTreeDoesNotHaveIsAUsageError) {
    Tiles tiles(10);
    auto tree = tiles.tree();
    EXPECT_EQ(tree.inclusion(10, 10).error().code, Code::usage);
    EXPECT_EQ(tree.inclusion(0, 11).error().code, Code::usage);
    EXPECT_EQ(tree.inclusion(5, 5).error().code, Code::usage);
    EXPECT_EQ(tree.consistency(0, 5).error().code, Code::usage);
    EXPECT_EQ(tree.consistency(6, 5).error().code, Code::usage);
    EXPECT_EQ(tree.consistency(5, 11).error().code, Code::usage);
    EXPECT_EQ(tree.leaf(10).error().code, Code::usage);
    EXPECT_EQ(tree.root(11).error().code, Code::usage);
    EXPECT_TRUE(tree.consistency(10, 10).value().empty());
    EXPECT_EQ(tree.root(0).value(), sha256(ByteView{}));
}

TEST(Proof, ATileThatIsTooShortIsNamed) {
    Tiles tiles(300);
    tiles.tiles[{0, 1}].pop_back();
    const auto proof = tiles.tree().inclusion(299, 300);
    ASSERT_FALSE(proof);
    EXPECT_EQ(proof.error().code, Code::tampered);
    EXPECT_NE(proof.error().detail.find("tile 1 of level 0"), std::string::npos);
}

} // namespace
} // namespace dsmil::ledger
