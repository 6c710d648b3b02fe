// SPDX-License-Identifier: Apache-2.0
#include "ledger/proof.hpp"

#include <algorithm>
#include <bit>
#include <format>

namespace dsmil::ledger {
namespace {

std::unexpected<Error> refused(std::string why) {
    return fail(Code::proof_refused, std::move(why));
}

Result<Hash> as_hash(ByteView bytes, std::string_view what) {
    Hash hash{};
    if (bytes.size() != hash.size()) {
        return refused(std::format("{} has {} bytes, not {}", what, bytes.size(), hash.size()));
    }
    std::ranges::copy(bytes, hash.begin());
    return hash;
}

bool is_odd(std::uint64_t number) {
    return (number & 1U) != 0;
}

// The walk from a leaf, or a subtree, to the root, as both algorithms of RFC 9162 have it: the place
// of the node in its level, and that of the level's last node.
struct Walk {
    std::uint64_t node;
    std::uint64_t last;

    [[nodiscard]] bool at_root() const { return last == 0; }
    // Whether the next hash of the proof stands on the left.
    [[nodiscard]] bool takes_left() const { return is_odd(node) || node == last; }
    void up() {
        node >>= 1U;
        last >>= 1U;
    }
    // After a hash from the left, past the levels where the node has no sibling.
    void up_past_lonely() {
        while (!is_odd(node) && node != 0) {
            up();
        }
        up();
    }
};

std::unexpected<Error> too_long(std::size_t used, std::size_t given) {
    return refused(std::format("the proof has {} hashes too many", given - used));
}

} // namespace

Result<void> check_inclusion(ByteView leaf, std::uint64_t index, std::uint64_t size, ByteView root,
                             std::span<const Hash> proof) {
    if (index >= size) {
        return refused(std::format("a tree of {} has no leaf {}", size, index));
    }
    auto hash = as_hash(leaf, "the leaf's hash");
    const auto expected = as_hash(root, "the root");
    if (!hash || !expected) {
        return std::unexpected(!hash ? hash.error() : expected.error());
    }
    Walk walk{index, size - 1};
    for (std::size_t i = 0; i < proof.size(); i++) {
        if (walk.at_root()) {
            return too_long(i, proof.size());
        }
        if (walk.takes_left()) {
            hash = node_hash(proof[i], *hash);
            walk.up_past_lonely();
        } else {
            hash = node_hash(*hash, proof[i]);
            walk.up();
        }
    }
    if (!walk.at_root()) {
        return refused("the proof is too short");
    }
    if (*hash != *expected) {
        return refused(std::format("it leads to the root {}", to_hex(*hash)));
    }
    return {};
}

Result<void> check_consistency(std::uint64_t size1, ByteView root1, std::uint64_t size2, ByteView root2,
                               std::span<const Hash> proof) {
    if (size1 > size2) {
        return refused(
            std::format("the earlier tree of {} is larger than the later one of {}", size1, size2));
    }
    if (size1 == 0) {
        return refused("nothing can be proved from an empty tree");
    }
    if (size1 == size2) {
        if (!proof.empty()) {
            return too_long(0, proof.size());
        }
        return std::ranges::equal(root1, root2) ? Result<void>{}
                                                : refused("the sizes are equal and the roots are not");
    }
    const auto first = as_hash(root1, "the earlier root");
    const auto second = as_hash(root2, "the later root");
    if (!first || !second) {
        return std::unexpected(!first ? first.error() : second.error());
    }
    if (proof.empty()) {
        return refused("the proof is too short");
    }
    Walk walk{size1 - 1, size2 - 1};
    while (is_odd(walk.node)) {
        walk.up();
    }
    // A perfect earlier tree is itself the subtree where the walk begins.
    const bool is_perfect = std::has_single_bit(size1);
    Hash earlier = is_perfect ? *first : proof.front();
    Hash later = earlier;
    for (std::size_t i = is_perfect ? 0 : 1; i < proof.size(); i++) {
        if (walk.at_root()) {
            return too_long(i, proof.size());
        }
        if (walk.takes_left()) {
            earlier = node_hash(proof[i], earlier);
            later = node_hash(proof[i], later);
            walk.up_past_lonely();
        } else {
            later = node_hash(later, proof[i]);
            walk.up();
        }
    }
    if (!walk.at_root()) {
        return refused("the proof is too short");
    }
    if (earlier != *first) {
        return refused(std::format("it leads to the earlier root {}", to_hex(earlier)));
    }
    if (later != *second) {
        return refused(std::format("it leads to the later root {}", to_hex(later)));
    }
    return {};
}

Result<std::span<const Hash>> TileTree::tile(unsigned level, std::uint64_t index, std::uint64_t width) {
    auto &hashes = tiles_[{level, index}];
    if (hashes.size() < width) {
        // As wide as the whole tree has it, so that it is read once.
        const std::uint64_t in_level = size_ >> (8 * level);
        const std::uint64_t whole = std::min(tile_width, in_level - index * tile_width);
        auto read = read_(level, index, whole);
        if (!read) {
            return std::unexpected(std::move(read.error()));
        }
        if (read->size() < whole) {
            return fail(Code::tampered, std::format("tile {} of level {} is too short", index, level));
        }
        hashes = std::move(*read);
    }
    return std::span<const Hash>(hashes);
}

// The 2^height leaves from `begin`, a multiple of that.
Result<Hash> TileTree::perfect(std::uint64_t begin, unsigned height) {
    const unsigned level = height / 8;
    const std::uint64_t width = std::uint64_t{1} << (height % 8);
    const std::uint64_t place = begin >> (8 * level); // in the level
    const auto hashes = tile(level, place / tile_width, place % tile_width + width);
    if (!hashes) {
        return std::unexpected(hashes.error());
    }
    return subtree_root(hashes->subspan(place % tile_width, width));
}

// The leaves of [begin, end), one of the ranges into which RFC 6962 splits a tree.
Result<Hash> TileTree::range(std::uint64_t begin, std::uint64_t end) {
    // From the left, perfect subtrees of falling height.
    std::vector<Hash> subtrees;
    while (begin < end) {
        const auto height = static_cast<unsigned>(std::bit_width(end - begin) - 1);
        auto subtree = perfect(begin, height);
        if (!subtree) {
            return subtree;
        }
        subtrees.push_back(*subtree);
        begin += std::uint64_t{1} << height;
    }
    Hash hash = subtrees.back();
    for (std::size_t i = subtrees.size() - 1; i-- > 0;) {
        hash = node_hash(subtrees[i], hash);
    }
    return hash;
}

Result<void> TileTree::add(Proof &proof, std::uint64_t begin, std::uint64_t end) {
    auto hash = range(begin, end);
    if (!hash) {
        return std::unexpected(std::move(hash.error()));
    }
    proof.push_back(*hash);
    return {};
}

Result<Hash> TileTree::root(std::uint64_t size) {
    if (size > size_) {
        return fail(Code::usage, std::format("the tree has {} leaves, not {}", size_, size));
    }
    return size == 0 ? sha256(ByteView{}) : range(0, size);
}

Result<Hash> TileTree::leaf(std::uint64_t index) {
    if (index >= size_) {
        return fail(Code::usage, std::format("a tree of {} has no leaf {}", size_, index));
    }
    return range(index, index + 1);
}

Result<Proof> TileTree::inclusion(std::uint64_t index, std::uint64_t size) {
    if (size > size_ || index >= size) {
        return fail(Code::usage,
                    std::format("there is no leaf {} in the first {} of {}", index, size, size_));
    }
    // Downwards: at each split the half without the leaf.
    Proof proof;
    std::uint64_t begin = 0;
    std::uint64_t end = size;
    while (end - begin > 1) {
        const std::uint64_t middle = begin + std::bit_floor(end - begin - 1);
        const auto added = index < middle ? add(proof, middle, end) : add(proof, begin, middle);
        if (!added) {
            return std::unexpected(added.error());
        }
        (index < middle ? end : begin) = middle;
    }
    std::ranges::reverse(proof);
    return proof;
}

Result<Proof> TileTree::consistency(std::uint64_t size1, std::uint64_t size2) {
    if (size1 == 0 || size1 > size2 || size2 > size_) {
        return fail(Code::usage,
                    std::format("there is no proof from {} to {} in a tree of {}", size1, size2, size_));
    }
    // Downwards along the edge of the earlier tree: the other half, until a subtree ends with it.
    Proof proof;
    std::uint64_t begin = 0;
    std::uint64_t end = size2;
    while (end != size1) {
        const std::uint64_t middle = begin + std::bit_floor(end - begin - 1);
        const auto added = size1 <= middle ? add(proof, middle, end) : add(proof, begin, middle);
        if (!added) {
            return std::unexpected(added.error());
        }
        (size1 <= middle ? end : begin) = middle;
    }
    if (begin != 0) { // The earlier root itself is known.
        if (const auto added = add(proof, begin, end); !added) {
            return std::unexpected(added.error());
        }
    }
    std::ranges::reverse(proof);
    return proof;
}

} // namespace dsmil::ledger
