// SPDX-License-Identifier: Apache-2.0
#include "accel/hashing.hpp"

#include "accel/sequential.hpp"
#include "accel/sha256_kernels.hpp"
#include "accel/sha512.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <format>
#include <openssl/crypto.h>
#include <string_view>

namespace dsmil::accel {
namespace {

constexpr Sha256Kernels portable = {sha256_one_portable, nullptr, nullptr, nullptr, nullptr, nullptr};
constexpr Sha256Kernels ni = {sha256_one_ni, sha256_two_ni, nullptr, nullptr, nullptr, nullptr};
constexpr Sha256Kernels avx512 = {sha256_one_portable,          nullptr,
                                  sha256_lanes_avx512,          sha256_equal_avx512,
                                  sha256_nodes_prefixed_avx512, sha256_nodes_plain_avx512};
constexpr Sha256Kernels avx512_ni = {sha256_one_ni,
                                     sha256_two_ni,
                                     sha256_lanes_avx512,
                                     sha256_equal_avx512,
                                     sha256_nodes_prefixed_avx512,
                                     sha256_nodes_plain_avx512};

constexpr std::string_view amd = "AuthenticAMD";

const Sha256Kernels &kernels_of(Tier tier, const Features &has) {
    if (tier == Tier::avx512) {
        return has.sha ? avx512_ni : avx512;
    }
    return tier == Tier::avx2 && has.sha ? ni : portable;
}

// A pass over sixteen lanes takes as long as this many messages with SHA-NI, two at once: nine on
// Intel's (860 cycles against 96 a block), more on AMD's, whose SHA unit is twice as fast.
unsigned lanes_worth(const Features &has) {
    constexpr unsigned with_slow_sha = 9;
    constexpr unsigned with_fast_sha = 13;
    constexpr unsigned without_sha = 3;
    if (!has.sha) {
        return without_sha;
    }
    return has.vendor == amd ? with_fast_sha : with_slow_sha;
}

constexpr std::size_t chunk = 512; // messages that are looked at together: 12 KiB of stack
using Entries = std::array<Sha256Entry, chunk>;

std::uint64_t blocks_of(std::uint64_t bytes) {
    return (bytes + 8) / 64 + 1;
}

// In their order, the longest first. Equal keys are equal numbers of blocks below `exact`; above,
// lanes that are filled again make good what the order lacks.
class Sorted {
  public:
    static constexpr std::size_t exact = 128;

    Sorted(std::span<const ByteView> messages, std::span<Hash> digests, bool zero_before, Entries &to) {
        std::array<std::uint8_t, chunk> key; // NOLINT(cppcoreguidelines-pro-type-member-init)
        const std::size_t more = zero_before ? 1 : 0;
        for (std::size_t i = 0; i < messages.size(); i++) {
            key[i] = key_of(messages[i].size() + more);
            number_[key[i]]++;
            least_ = std::min<std::size_t>(least_, key[i]);
            most_ = std::max<std::size_t>(most_, key[i]);
        }
        std::array<std::uint16_t, keys> place; // NOLINT(cppcoreguidelines-pro-type-member-init)
        std::uint16_t next = 0;
        for (std::size_t k = most_ + 1; k-- > least_;) {
            place[k] = next;
            next = static_cast<std::uint16_t>(next + number_[k]);
        }
        for (std::size_t i = 0; i < messages.size(); i++) {
            to[place[key[i]]++] = {messages[i].data(), messages[i].size() + more, digests[i].data()};
        }
    }

    [[nodiscard]] std::size_t least() const { return least_; }
    [[nodiscard]] std::size_t most() const { return most_; }
    [[nodiscard]] std::size_t number(std::size_t key) const { return number_[key]; }

  private:
    static constexpr std::size_t keys = 256;

    static std::uint8_t key_of(std::uint64_t bytes) {
        const std::uint64_t blocks = blocks_of(bytes);
        if (blocks < exact) {
            return static_cast<std::uint8_t>(blocks);
        }
        const auto width = static_cast<unsigned>(std::bit_width(blocks));
        const std::uint64_t top = (blocks >> (width - 4)) & 7; // three bits behind the first
        return static_cast<std::uint8_t>(
            std::min<std::size_t>(exact + std::size_t{8} * (width - 8) + top, keys - 1));
    }

    std::array<std::uint16_t, keys> number_{};
    std::size_t least_ = keys - 1;
    std::size_t most_ = 0;
};

void hash_in_order(const Sha256Kernels &kernels, std::span<const ByteView> messages, std::span<Hash> digests,
                   bool zero_before) {
    constexpr std::size_t few = 32;
    std::array<Sha256Entry, few> entries; // NOLINT(cppcoreguidelines-pro-type-member-init)
    for (std::size_t done = 0; done < messages.size();) {
        const std::size_t now = std::min(messages.size() - done, few);
        for (std::size_t i = 0; i < now; i++) {
            const auto &message = messages[done + i];
            entries[i] = {message.data(), message.size() + (zero_before ? 1 : 0), digests[done + i].data()};
        }
        hash_sequentially(kernels, std::span(entries).first(now), zero_before);
        done += now;
    }
}

void hash_in_lanes(const Sha256Kernels &kernels, std::span<const ByteView> messages, std::span<Hash> digests,
                   bool zero_before, unsigned lanes_from) {
    Entries entries; // NOLINT(cppcoreguidelines-pro-type-member-init)
    Sha256Lanes lanes{};
    while (!messages.empty()) {
        const std::size_t now = std::min(messages.size(), chunk);
        const Sorted sorted(messages.first(now), digests.first(now), zero_before, entries);
        messages = messages.subspan(now);
        digests = digests.subspan(now);
        std::size_t at = 0;
        // Full groups of one number of blocks go alone; the others share lanes.
        std::size_t rest = 0; // how many are left, moved to the front
        for (std::size_t k = sorted.most() + 1; k-- > sorted.least();) {
            std::size_t left = sorted.number(k);
            for (; k < Sorted::exact && left >= sha256_lanes; left -= sha256_lanes, at += sha256_lanes) {
                kernels.equal(&entries[at], k, zero_before);
            }
            for (; left > 0; left--) {
                entries[rest++] = entries[at++];
            }
        }
        kernels.lanes(&lanes, entries.data(), rest, zero_before,
                      messages.empty() ? lanes_from : sha256_lanes);
    }
    hash_rest(kernels, lanes);
    OPENSSL_cleanse(&lanes, sizeof(lanes));
}

bool overlap(const void *a, std::size_t a_bytes, const void *b, std::size_t b_bytes) {
    const auto first = reinterpret_cast<std::uintptr_t>(a);
    const auto second = reinterpret_cast<std::uintptr_t>(b);
    return a_bytes != 0 && b_bytes != 0 && first < second + b_bytes && second < first + a_bytes;
}

template <typename Digest>
Result<void> check(std::span<const ByteView> messages, std::span<Digest> digests) {
    if (messages.size() != digests.size()) {
        return fail(Code::usage,
                    std::format("{} messages, but room for {} digests", messages.size(), digests.size()));
    }
    bool bad = false;
    for (const auto &message : messages) {
        bad |= (message.data() == nullptr && !message.empty()) ||
               overlap(message.data(), message.size(), digests.data(), digests.size_bytes());
    }
    if (bad) {
        return fail(Code::usage, "a message has no address or overlaps the digests");
    }
    return {};
}

constexpr std::size_t node_group = 16;
constexpr std::uint8_t node_prefix = 0x01;

// Nodes one by one: those of RFC 6962 need the byte before their children.
void nodes_sequentially(const Sha256Kernels &kernels, std::span<const Hash> children, std::span<Hash> parents,
                        bool prefixed) {
    std::array<std::array<std::uint8_t, 1 + 2 * sizeof(Hash)>, node_group>
        copies;                                  // NOLINT: written before read
    std::array<Sha256Entry, node_group> entries; // NOLINT
    for (std::size_t i = 0; i < parents.size(); i++) {
        const auto *pair = children[2 * i].data();
        if (!prefixed) {
            entries[i] = {pair, 2 * sizeof(Hash), parents[i].data()};
            continue;
        }
        copies[i][0] = node_prefix;
        std::memcpy(copies[i].data() + 1, pair, 2 * sizeof(Hash));
        entries[i] = {copies[i].data(), copies[i].size(), parents[i].data()};
    }
    hash_sequentially(kernels, std::span(entries).first(parents.size()), false);
}

} // namespace

Hashing::Hashing(Tier tier)
    : tier_(tier), by_library_(tier == Tier::avx2 && !features().sha), lanes_from_(lanes_worth(features())),
      kernels_(&kernels_of(tier, features())) {}

void Hashing::hash(std::span<const ByteView> messages, std::span<Hash> digests, bool zero_before) const {
    static constexpr std::uint8_t zero = 0;
    // For a single message nothing is faster than OpenSSL's own code.
    if (by_library_ || (messages.size() == 1 && tier_ != Tier::reference)) {
        for (std::size_t i = 0; i < messages.size(); i++) {
            digests[i] = sha256({ByteView(&zero, zero_before ? 1 : 0), messages[i]});
        }
        return;
    }
    if (kernels_->lanes != nullptr && messages.size() >= lanes_from_) {
        hash_in_lanes(*kernels_, messages, digests, zero_before, lanes_from_);
    } else {
        hash_in_order(*kernels_, messages, digests, zero_before);
    }
}

Result<void> Hashing::hash_many(std::span<const ByteView> messages, std::span<Hash> digests) const {
    return check(messages, digests).transform([&] { hash(messages, digests, false); });
}

Result<void> Hashing::leaf_hashes(std::span<const ByteView> records, std::span<Hash> leaves) const {
    return check(records, leaves).transform([&] { hash(records, leaves, true); });
}

Result<void> Hashing::nodes(std::span<const Hash> children, std::span<Hash> parents, bool prefixed) const {
    if (children.size() != 2 * parents.size()) {
        return fail(Code::usage,
                    std::format("{} children, but room for {} parents", children.size(), parents.size()));
    }
    if (overlap(children.data(), children.size_bytes(), parents.data(), parents.size_bytes())) {
        return fail(Code::usage, "the parents overlap their children");
    }
    auto *const group = prefixed ? kernels_->nodes_prefixed : kernels_->nodes_plain;
    while (!parents.empty()) {
        const std::size_t now = std::min(parents.size(), node_group);
        const auto below = children.first(2 * now);
        const auto above = parents.first(now);
        children = children.subspan(2 * now);
        parents = parents.subspan(now);
        if (group != nullptr && now == node_group) {
            group(below.front().data(), above.front().data());
        } else if (group != nullptr && now >= lanes_from_) {
            // A group that is not full is filled up with anything.
            std::array<Hash, 2 * node_group> padded{};
            std::array<Hash, node_group> out; // NOLINT(cppcoreguidelines-pro-type-member-init)
            std::ranges::copy(below, padded.begin());
            group(padded.front().data(), out.front().data());
            std::copy_n(out.begin(), now, above.begin());
        } else if (by_library_) {
            for (std::size_t i = 0; i < now; i++) {
                above[i] = sha256({ByteView(&node_prefix, prefixed ? 1 : 0), below[2 * i], below[2 * i + 1]});
            }
        } else {
            nodes_sequentially(*kernels_, below, above, prefixed);
        }
    }
    return {};
}

Result<void> Hashing::node_hashes(std::span<const Hash> children, std::span<Hash> parents) const {
    return nodes(children, parents, true);
}

Result<void> Hashing::plain_node_hashes(std::span<const Hash> children, std::span<Hash> parents) const {
    return nodes(children, parents, false);
}

Result<void> Hashing::hash512_many(std::span<const ByteView> messages, std::span<Hash512> digests) const {
    return check(messages, digests).and_then([&] { return sha512_many(tier_, messages, digests); });
}

const Hashing &hashing() {
    static const Hashing made(tier_or_best());
    return made;
}

} // namespace dsmil::accel
