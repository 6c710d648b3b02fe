// SPDX-License-Identifier: Apache-2.0
// SHA-256 and SHA-512 of many messages at once, and nodes of Merkle trees. The
// result never depends on the tier. Any thread may call; nothing is kept between
// calls, and what a call put aside of the messages is wiped.
//
// Messages may have any lengths and any order: they are sorted inside. All calls
// refuse (usage) a span of digests of another size than the messages', a message
// without an address that is not empty, and digests that overlap what is read;
// then nothing is written.
#pragma once

#include "accel/tier.hpp"
#include "base/sha256.hpp"
#include "dsmil/error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace dsmil::accel {

struct Sha256Kernels;

using Hash512 = std::array<std::uint8_t, 64>;

class Hashing {
  public:
    // The tier must be one that the processor has.
    explicit Hashing(Tier tier);

    // digests[i] is the SHA-256 of messages[i].
    [[nodiscard]] Result<void> hash_many(std::span<const ByteView> messages, std::span<Hash> digests) const;
    // Of a zero byte and records[i]: the leaf of RFC 6962 section 2.1.
    [[nodiscard]] Result<void> leaf_hashes(std::span<const ByteView> records, std::span<Hash> leaves) const;
    // parents[i] is the SHA-256 of 0x01, children[2i] and children[2i + 1]: the node of RFC 6962.
    [[nodiscard]] Result<void> node_hashes(std::span<const Hash> children, std::span<Hash> parents) const;
    // The same without the byte before them, 64 bytes a node.
    [[nodiscard]] Result<void> plain_node_hashes(std::span<const Hash> children,
                                                 std::span<Hash> parents) const;

    // SHA-512, eight at a time (Intel's multi-buffer library), or OpenSSL's in the reference tier.
    [[nodiscard]] Result<void> hash512_many(std::span<const ByteView> messages,
                                            std::span<Hash512> digests) const;

    [[nodiscard]] Tier tier() const { return tier_; }

  private:
    [[nodiscard]] Result<void> nodes(std::span<const Hash> children, std::span<Hash> parents,
                                     bool prefixed) const;
    void hash(std::span<const ByteView> messages, std::span<Hash> digests, bool zero_before) const;

    Tier tier_;
    bool by_library_;     // one message after the other, by OpenSSL
    unsigned lanes_from_; // so many live messages are worth sixteen lanes
    const Sha256Kernels *kernels_;
};

// Of the tier that tier_or_best() says.
[[nodiscard]] const Hashing &hashing();

} // namespace dsmil::accel
