// SPDX-License-Identifier: Apache-2.0
#include "accel/hashing.hpp"
#include "base/sha256.hpp"
#include "support.hpp"

#include <algorithm>
#include <openssl/evp.h>
#include <random>
#include <thread>

namespace {

using accel_test::random_bytes;
using dsmil::Bytes;
using dsmil::ByteView;
using dsmil::Code;
using dsmil::Hash;
using dsmil::sha256;
using dsmil::accel::Hash512;
using dsmil::accel::Hashing;

class HashMany : public accel_test::EachTier {
  protected:
    [[nodiscard]] static Hashing hashing() { return Hashing(GetParam()); }
};
DSMIL_EACH_TIER(HashMany);

constexpr std::uint8_t zero = 0x00;
constexpr std::uint8_t one = 0x01;

Hash leaf(ByteView record) {
    return sha256({ByteView(&zero, 1), record});
}

Hash512 sha512(ByteView message) {
    Hash512 digest{};
    EXPECT_EQ(EVP_Digest(message.data(), message.size(), digest.data(), nullptr, EVP_sha512(), nullptr), 1);
    return digest;
}

std::vector<Hash> expected_of(std::span<const ByteView> messages) {
    std::vector<Hash> digests;
    for (const auto message : messages) {
        digests.push_back(sha256(message));
    }
    return digests;
}

TEST_P(HashMany, every_length_to_300_in_every_number_of_lanes_to_33_is_what_openssl_says) {
    constexpr std::size_t most = 33;
    const Bytes pool = random_bytes(300 + most, 1);
    for (std::size_t length = 0; length <= 300; length++) {
        std::vector<ByteView> messages;
        std::vector<Hash> plain;
        std::vector<Hash> leaves;
        std::vector<Hash512> longer;
        for (std::size_t i = 0; i < most; i++) {
            messages.emplace_back(pool.data() + i, length); // every alignment, too
            plain.push_back(sha256(messages.back()));
            leaves.push_back(leaf(messages.back()));
            longer.push_back(sha512(messages.back()));
        }
        for (std::size_t number = 1; number <= most; number++) {
            const auto some = std::span(messages).first(number);
            std::vector<Hash> digests(number);
            ASSERT_TRUE(hashing().hash_many(some, digests));
            ASSERT_TRUE(std::ranges::equal(digests, std::span(plain).first(number)))
                << length << " x " << number;
            ASSERT_TRUE(hashing().leaf_hashes(some, digests));
            ASSERT_TRUE(std::ranges::equal(digests, std::span(leaves).first(number)))
                << length << " x " << number;
            std::vector<Hash512> longs(number);
            ASSERT_TRUE(hashing().hash512_many(some, longs));
            ASSERT_TRUE(std::ranges::equal(longs, std::span(longer).first(number)))
                << length << " x " << number;
        }
    }
}

TEST_P(HashMany, messages_of_all_lengths_together_keep_their_places) {
    const Bytes pool = random_bytes(200000, 2);
    std::mt19937 random(3); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
    for (const std::size_t number : {2U, 15U, 16U, 17U, 100U, 511U, 512U, 513U, 1300U}) {
        std::vector<ByteView> messages;
        for (std::size_t i = 0; i < number; i++) {
            // Many short ones, some long ones, a few very long ones.
            const std::size_t kind = random() % 16;
            const std::size_t most = kind == 0 ? 20000 : kind < 4 ? 2000 : 200;
            messages.emplace_back(pool.data() + random() % 100000, random() % most);
        }
        std::vector<Hash> digests(number);
        ASSERT_TRUE(hashing().hash_many(messages, digests));
        EXPECT_EQ(digests, expected_of(messages)) << number;
        std::vector<Hash> leaves(number);
        ASSERT_TRUE(hashing().leaf_hashes(messages, leaves));
        for (std::size_t i = 0; i < number; i++) {
            ASSERT_EQ(leaves[i], leaf(messages[i])) << i << " of " << number;
        }
    }
}

TEST_P(HashMany, a_few_long_messages_beside_short_ones_end_right) {
    const Bytes pool = random_bytes(3U << 20, 4);
    for (const std::size_t number : {3U, 10U, 16U, 24U}) {
        std::vector<ByteView> messages;
        for (std::size_t i = 0; i < number; i++) {
            messages.emplace_back(pool.data() + i, i % 5 == 0 ? (1U << 20) + 64 * i + i : 63 + i);
        }
        std::vector<Hash> digests(number);
        ASSERT_TRUE(hashing().hash_many(messages, digests));
        EXPECT_EQ(digests, expected_of(messages)) << number;
        std::vector<Hash512> longs(number);
        ASSERT_TRUE(hashing().hash512_many(messages, longs));
        for (std::size_t i = 0; i < number; i++) {
            ASSERT_EQ(longs[i], sha512(messages[i])) << i << " of " << number;
        }
    }
}

TEST_P(HashMany, nothing_before_and_nothing_behind_a_message_is_read) {
    const accel_test::GuardedPage page;
    std::ranges::copy(random_bytes(page.bytes, 5), page.first());
    for (std::size_t length = 0; length <= 260; length++) {
        for (auto *const data : {page.first(), page.last(length)}) {
            const std::vector<ByteView> messages(20, ByteView(data, length));
            std::vector<Hash> digests(messages.size());
            ASSERT_TRUE(hashing().hash_many(messages, digests));
            EXPECT_EQ(digests, std::vector<Hash>(20, sha256(messages[0])));
            ASSERT_TRUE(hashing().leaf_hashes(messages, digests));
            EXPECT_EQ(digests, std::vector<Hash>(20, leaf(messages[0])));
        }
    }
}

TEST_P(HashMany, nodes_are_what_openssl_says_and_nothing_around_them_is_read) {
    const accel_test::GuardedPage page;
    std::ranges::copy(random_bytes(page.bytes, 6), page.first());
    for (std::size_t number = 0; number <= 64; number++) {
        const std::size_t bytes = 2 * number * sizeof(Hash);
        for (auto *const data : {page.first(), page.last(bytes)}) {
            const auto children = std::span(reinterpret_cast<const Hash *>(data), 2 * number);
            std::vector<Hash> nodes(number);
            std::vector<Hash> plain(number);
            ASSERT_TRUE(hashing().node_hashes(children, nodes));
            ASSERT_TRUE(hashing().plain_node_hashes(children, plain));
            for (std::size_t i = 0; i < number; i++) {
                ASSERT_EQ(nodes[i], sha256({ByteView(&one, 1), children[2 * i], children[2 * i + 1]}))
                    << number;
                ASSERT_EQ(plain[i], sha256({children[2 * i], children[2 * i + 1]})) << number;
            }
        }
    }
}

TEST_P(HashMany, nothing_is_written_but_the_digests) {
    const accel_test::GuardedPage page;
    const Bytes pool = random_bytes(1000, 7);
    const std::vector<ByteView> messages(21, ByteView(pool).first(90));
    for (auto *const at : {page.first(), page.last(21 * sizeof(Hash))}) {
        std::ranges::fill(std::span(page.first(), page.bytes), std::uint8_t{0xA5});
        const std::span digests(reinterpret_cast<Hash *>(at), 21);
        ASSERT_TRUE(hashing().hash_many(messages, digests));
        EXPECT_TRUE(
            std::ranges::all_of(digests, [&](const Hash &hash) { return hash == sha256(messages[0]); }));
        const auto touched = std::ranges::count_if(std::span(page.first(), page.bytes),
                                                   [](std::uint8_t byte) { return byte != 0xA5; });
        EXPECT_LE(touched, static_cast<std::ptrdiff_t>(digests.size_bytes()));
    }
}

TEST_P(HashMany, no_message_is_no_error) {
    EXPECT_TRUE(hashing().hash_many({}, {}));
    EXPECT_TRUE(hashing().leaf_hashes({}, {}));
    EXPECT_TRUE(hashing().node_hashes({}, {}));
    EXPECT_TRUE(hashing().hash512_many({}, {}));
}

TEST_P(HashMany, an_empty_message_needs_no_address) {
    const std::vector<ByteView> messages(17);
    std::vector<Hash> digests(messages.size());
    ASSERT_TRUE(hashing().hash_many(messages, digests));
    EXPECT_EQ(digests, std::vector<Hash>(17, sha256(ByteView())));
    ASSERT_TRUE(hashing().leaf_hashes(messages, digests));
    EXPECT_EQ(digests, std::vector<Hash>(17, leaf(ByteView())));
}

TEST_P(HashMany, bad_spans_are_refused_and_nothing_is_written) {
    const Bytes pool = random_bytes(4096, 8);
    const std::vector<ByteView> messages(4, ByteView(pool).first(100));
    std::vector<Hash> digests(3, Hash{0x5A});
    const auto before = digests;
    EXPECT_EQ(hashing().hash_many(messages, digests).error().code, Code::usage) << "no room";

    std::vector<ByteView> without_address = messages;
    without_address.resize(3);
    without_address[2] = ByteView(static_cast<const std::uint8_t *>(nullptr), 5);
    EXPECT_EQ(hashing().hash_many(without_address, digests).error().code, Code::usage) << "no address";
    EXPECT_EQ(hashing().leaf_hashes(without_address, digests).error().code, Code::usage);

    std::vector<ByteView> overlapping = messages;
    overlapping.resize(3);
    overlapping[1] = ByteView(digests[2].data() + 31, 1);
    EXPECT_EQ(hashing().hash_many(overlapping, digests).error().code, Code::usage) << "overlap";

    std::vector<Hash512> longs(3);
    EXPECT_EQ(hashing().hash512_many(messages, longs).error().code, Code::usage);
    EXPECT_EQ(hashing().node_hashes(std::vector<Hash>(5), digests).error().code, Code::usage) << "odd";
    EXPECT_EQ(hashing().plain_node_hashes(digests, std::span(digests).first(1)).error().code, Code::usage)
        << "3 children of 1";
    EXPECT_EQ(
        hashing().node_hashes(std::span(digests).first(2), std::span(digests).subspan(1, 1)).error().code,
        Code::usage)
        << "parents among their children";
    EXPECT_EQ(digests, before);
}

TEST_P(HashMany, threads_do_not_disturb_each_other) {
    const Bytes pool = random_bytes(40000, 9);
    std::vector<std::jthread> threads;
    std::array<bool, 4> right{};
    for (std::size_t t = 0; t < right.size(); t++) {
        threads.emplace_back([&, t] {
            std::vector<ByteView> messages;
            for (std::size_t i = 0; i < 70; i++) {
                messages.push_back(ByteView(pool).subspan(t * 100 + i, 37 * i));
            }
            std::vector<Hash> digests(messages.size());
            std::vector<Hash512> longs(messages.size());
            right[t] = Hashing(GetParam()).hash_many(messages, digests) && digests == expected_of(messages) &&
                       Hashing(GetParam()).hash512_many(messages, longs) && longs[69] == sha512(messages[69]);
        });
    }
    threads.clear();
    EXPECT_TRUE(std::ranges::all_of(right, std::identity()));
}

TEST(Hashing, the_default_is_of_the_selected_tier) {
    EXPECT_EQ(dsmil::accel::hashing().tier(), dsmil::accel::tier_or_best());
}

} // namespace
