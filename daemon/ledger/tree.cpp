// SPDX-License-Identifier: Apache-2.0
#include "ledger/tree.hpp"

#include "accel/hashing.hpp"

#include <array>
#include <cstdlib>
#include <utility>

namespace dsmil::ledger {
namespace {

constexpr std::array<std::uint8_t, 1> leaf_prefix = {0x00};
constexpr std::array<std::uint8_t, 1> node_prefix = {0x01};

} // namespace

Hash leaf_hash(ByteView record) {
    return sha256({leaf_prefix, record});
}

void leaf_hashes(std::span<const ByteView> records, std::span<Hash> leaves) {
    if (!accel::hashing().leaf_hashes(records, leaves)) {
        std::abort(); // it refuses spans that do not fit only
    }
}

Hash node_hash(const Hash &left, const Hash &right) {
    return sha256({node_prefix, left, right});
}

Hash subtree_root(std::span<const Hash> hashes) {
    // Level by level, so that the nodes of one are hashed together. A hash without a neighbour goes up
    // as it is: so the tree splits at the largest power of two, as RFC 6962 says.
    std::vector<Hash> level(hashes.begin(), hashes.end());
    while (level.size() > 1) {
        const std::size_t pairs = level.size() / 2;
        std::vector<Hash> above(pairs);
        if (!accel::hashing().node_hashes(std::span(level).first(2 * pairs), above)) {
            std::abort(); // it refuses spans that do not fit only
        }
        if (level.size() % 2 != 0) {
            above.push_back(level.back());
        }
        level = std::move(above);
    }
    return level.front();
}

ByteView tile_bytes(std::span<const Hash> hashes) {
    static_assert(sizeof(Hash) == 32); // so that an array of them is their concatenation
    return {reinterpret_cast<const std::uint8_t *>(hashes.data()), hashes.size_bytes()};
}

std::uint64_t partial_width(std::uint64_t size, unsigned level) {
    return (size >> (8 * level)) % tile_width;
}

std::uint64_t partial_index(std::uint64_t size, unsigned level) {
    return level >= max_tile_level ? 0 : size >> (8 * (level + 1));
}

std::uint64_t tile_count(std::uint64_t size) {
    std::uint64_t count = 0;
    for (unsigned level = 0; level <= max_tile_level && (size >> (8 * level)) > 0; level++) {
        count += partial_index(size, level) + (partial_width(size, level) > 0 ? 1 : 0);
    }
    return count;
}

void Edge::append(const Hash &leaf, const FullTile &full) {
    push(0, leaf, full);
    size_++;
}

void Edge::push(unsigned level, const Hash &hash, const FullTile &full) {
    if (level >= levels_.size()) {
        levels_.resize(level + 1);
    }
    auto &tile = levels_[level];
    tile.push_back(hash);
    if (tile.size() < tile_width) {
        return;
    }
    full(level, partial_index(size_, level), tile);
    const Hash above = subtree_root(tile);
    tile.clear();
    push(level + 1, above, full);
}

Hash Edge::root() const {
    // Each level's hashes lie left of what the levels below span, and split where RFC 6962 splits.
    std::vector<Hash> right;
    for (const auto &tile : levels_) {
        if (tile.empty()) {
            continue;
        }
        // The hashes of a level and, last, the smaller subtree to their right.
        std::vector<Hash> hashes = tile;
        hashes.insert(hashes.end(), right.begin(), right.end());
        right.assign(1, subtree_root(hashes));
    }
    return right.empty() ? sha256(ByteView{}) : right.front();
}

Edge Edge::resume(std::uint64_t size, std::vector<std::vector<Hash>> levels) {
    Edge edge;
    edge.size_ = size;
    edge.levels_ = std::move(levels);
    return edge;
}

} // namespace dsmil::ledger
