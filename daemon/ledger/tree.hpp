// SPDX-License-Identifier: Apache-2.0
// The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1.1), cut into
// tiles of 256 hashes as C2SP tlog-tiles has them.
#pragma once

#include "base/sha256.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace dsmil::ledger {

inline constexpr std::uint64_t tile_width = 256;
inline constexpr unsigned max_tile_level = 7; // 256^8 leaves are all a 64-bit size can count

[[nodiscard]] Hash leaf_hash(ByteView record);
// Of many at once, as many as `leaves`: sixteen at a time where the processor can (accel/hashing.hpp).
void leaf_hashes(std::span<const ByteView> records, std::span<Hash> leaves);
[[nodiscard]] Hash node_hash(const Hash &left, const Hash &right);

// The right edge of a tree: on each level the hashes of the tile that is not
// full yet. All that appending and the root need, in at most 64 KiB.
class Edge {
  public:
    // A full tile, on its way out of the edge.
    using FullTile = std::function<void(unsigned level, std::uint64_t index, std::span<const Hash> hashes)>;

    void append(const Hash &leaf, const FullTile &full);

    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] Hash root() const; // SHA-256 of nothing for the empty tree

    // The tiles of the edge, by level; a level may be empty.
    [[nodiscard]] const std::vector<std::vector<Hash>> &levels() const { return levels_; }

    // Takes up where a tree of `size` leaves ended. `levels` holds, by level,
    // the (size / 256^level) mod 256 hashes of its partial tile.
    [[nodiscard]] static Edge resume(std::uint64_t size, std::vector<std::vector<Hash>> levels);

  private:
    void push(unsigned level, const Hash &hash, const FullTile &full);

    std::uint64_t size_ = 0;
    std::vector<std::vector<Hash>> levels_;
};

// How many hashes the partial tile of a level has, and which index.
[[nodiscard]] std::uint64_t partial_width(std::uint64_t size, unsigned level);
[[nodiscard]] std::uint64_t partial_index(std::uint64_t size, unsigned level);

// How many tiles a tree has on all levels, full and partial.
[[nodiscard]] std::uint64_t tile_count(std::uint64_t size);

// The bytes of a tile: its hashes, one after the other.
[[nodiscard]] ByteView tile_bytes(std::span<const Hash> hashes);

// The root over 256 hashes or fewer, which are perfect subtrees of one height.
[[nodiscard]] Hash subtree_root(std::span<const Hash> hashes);

} // namespace dsmil::ledger
