// SPDX-License-Identifier: Apache-2.0
// Inclusion and consistency proofs of RFC 9162 section 2.1.3 and 2.1.4 (RFC 6962
// section 2.1.1 and 2.1.2): checking needs nothing but hashes, making them a few tiles.
#pragma once

#include "base/sha256.hpp"
#include "dsmil/error.hpp"
#include "ledger/tree.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace dsmil::ledger {

using Proof = std::vector<Hash>;

// As many hashes as any proof of a 64-bit size has.
inline constexpr std::size_t max_proof_hashes = 64;

// proof_refused, with the reason, when it does not hold. Roots and the leaf's hash are bytes of
// any length: one that is no hash is none of the tree.
[[nodiscard]] Result<void> check_inclusion(ByteView leaf, std::uint64_t index, std::uint64_t size,
                                           ByteView root, std::span<const Hash> proof);
// Nothing follows from an empty tree, so size1 is at least 1; with equal sizes the proof is empty.
[[nodiscard]] Result<void> check_consistency(std::uint64_t size1, ByteView root1, std::uint64_t size2,
                                             ByteView root2, std::span<const Hash> proof);

// The tree of the first `size` leaves, seen through its stored tiles. A tile is read once.
class TileTree {
  public:
    // At least the first `width` hashes of the tile.
    using Read =
        std::function<Result<std::vector<Hash>>(unsigned level, std::uint64_t index, std::uint64_t width)>;
    TileTree(std::uint64_t size, Read read) : size_(size), read_(std::move(read)) {}

    [[nodiscard]] std::uint64_t size() const { return size_; }
    // Of the first `size` leaves, at most size(). All of these: usage when a number is out of range,
    // tampered when a tile is too short, else what the reader says.
    [[nodiscard]] Result<Hash> root(std::uint64_t size);
    [[nodiscard]] Result<Hash> leaf(std::uint64_t index);
    [[nodiscard]] Result<Proof> inclusion(std::uint64_t index, std::uint64_t size);
    [[nodiscard]] Result<Proof> consistency(std::uint64_t size1, std::uint64_t size2);

  private:
    [[nodiscard]] Result<Hash> range(std::uint64_t begin, std::uint64_t end);
    [[nodiscard]] Result<Hash> perfect(std::uint64_t begin, unsigned height);
    [[nodiscard]] Result<std::span<const Hash>> tile(unsigned level, std::uint64_t index,
                                                     std::uint64_t width);
    [[nodiscard]] Result<void> add(Proof &proof, std::uint64_t begin, std::uint64_t end);

    std::uint64_t size_;
    Read read_;
    std::map<std::pair<unsigned, std::uint64_t>, std::vector<Hash>> tiles_;
};

} // namespace dsmil::ledger
