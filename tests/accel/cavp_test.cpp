// SPDX-License-Identifier: Apache-2.0
// NIST's vectors (CAVP, "SHA Test Vectors for Hashing Byte-Oriented Messages"),
// as Debian packages them: short and long messages, all of a file in one call,
// and the Monte Carlo chain.
#include "accel/hashing.hpp"
#include "support.hpp"

#include <fstream>
#include <string>
#include <utility>

namespace {

using dsmil::Bytes;
using dsmil::ByteView;
using dsmil::Hash;
using dsmil::accel::Hash512;
using dsmil::accel::Hashing;

constexpr const char *folder = "/usr/lib/python3/dist-packages/cryptography_vectors/hashes/SHA2/";

struct Vector {
    Bytes message;
    Bytes digest;
};

Bytes bytes_of(std::string_view hex) {
    auto bytes = dsmil::from_hex(hex);
    EXPECT_TRUE(bytes) << hex;
    return std::move(bytes).value_or(Bytes{});
}

// "Len = 8", "Msg = d3", "MD = 28969c..."
std::vector<Vector> read_messages(const std::string &name) {
    std::ifstream file(folder + name);
    EXPECT_TRUE(file) << "the package python3-cryptography-vectors has " << name;
    std::vector<Vector> vectors;
    std::size_t bits = 0;
    for (std::string line; std::getline(file, line);) {
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) {
            line.pop_back();
        }
        if (line.starts_with("Len = ")) {
            bits = std::stoul(line.substr(6));
        } else if (line.starts_with("Msg = ")) {
            vectors.push_back({.message = bytes_of(std::string_view(line).substr(6)), .digest = {}});
            vectors.back().message.resize(bits / 8); // "00" stands for nothing
        } else if (line.starts_with("MD = ")) {
            vectors.back().digest = bytes_of(std::string_view(line).substr(5));
        }
    }
    return vectors;
}

struct Chain {
    Bytes seed;
    std::vector<Bytes> digests;
};

Chain read_chain(const std::string &name) {
    std::ifstream file(folder + name);
    EXPECT_TRUE(file) << name;
    Chain chain;
    for (std::string line; std::getline(file, line);) {
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) {
            line.pop_back();
        }
        if (line.starts_with("Seed = ")) {
            chain.seed = bytes_of(std::string_view(line).substr(7));
        } else if (line.starts_with("MD = ")) {
            chain.digests.push_back(bytes_of(std::string_view(line).substr(5)));
        }
    }
    return chain;
}

template <typename Digest, typename Many>
void check_messages(const std::string &name, std::size_t number, Many many) {
    const auto vectors = read_messages(name);
    ASSERT_EQ(vectors.size(), number) << name;
    std::vector<ByteView> messages;
    for (const auto &vector : vectors) {
        messages.emplace_back(vector.message);
    }
    std::vector<Digest> digests(messages.size());
    ASSERT_TRUE(many(messages, digests));
    for (std::size_t i = 0; i < vectors.size(); i++) {
        EXPECT_EQ(Bytes(digests[i].begin(), digests[i].end()), vectors[i].digest) << name << " " << i;
    }
}

// SHAVS section 6.4: each digest is of the three before it; after 1,000 the last is the next seed.
// So many copies are hashed at once that lanes are used.
template <typename Digest, typename Many>
void check_chain(const std::string &name, Many many) {
    constexpr std::size_t copies = 16;
    constexpr std::size_t steps = 1000;
    const auto chain = read_chain(name);
    ASSERT_EQ(chain.digests.size(), 100U) << name;
    const std::size_t checked =
        5; // of the 100 checkpoints: the first thousands find every mistake of a kernel
    Bytes seed = chain.seed;
    for (std::size_t j = 0; j < checked; j++) {
        Bytes window;
        for (int i = 0; i < 3; i++) {
            window.insert(window.end(), seed.begin(), seed.end());
        }
        std::vector<Digest> digests(copies);
        for (std::size_t i = 0; i < steps; i++) {
            const std::vector<ByteView> messages(copies, ByteView(window));
            ASSERT_TRUE(many(messages, digests));
            window.erase(window.begin(), window.begin() + static_cast<std::ptrdiff_t>(seed.size()));
            window.insert(window.end(), digests[i % copies].begin(), digests[i % copies].end());
        }
        seed.assign(digests[0].begin(), digests[0].end());
        ASSERT_EQ(seed, chain.digests[j]) << name << " " << j;
    }
}

class Cavp : public accel_test::EachTier {};
DSMIL_EACH_TIER(Cavp);

TEST_P(Cavp, sha256_of_the_short_and_the_long_messages) {
    const Hashing hashing(GetParam());
    const auto many = [&](auto messages, auto &digests) { return hashing.hash_many(messages, digests); };
    check_messages<Hash>("SHA256ShortMsg.rsp", 65, many);
    check_messages<Hash>("SHA256LongMsg.rsp", 64, many);
}

TEST_P(Cavp, sha256_of_the_monte_carlo_chain) {
    const Hashing hashing(GetParam());
    check_chain<Hash>("SHA256Monte.rsp",
                      [&](auto messages, auto &digests) { return hashing.hash_many(messages, digests); });
}

TEST_P(Cavp, sha512_of_the_short_and_the_long_messages) {
    const Hashing hashing(GetParam());
    const auto many = [&](auto messages, auto &digests) { return hashing.hash512_many(messages, digests); };
    check_messages<Hash512>("SHA512ShortMsg.rsp", 129, many);
    check_messages<Hash512>("SHA512LongMsg.rsp", 128, many);
}

TEST_P(Cavp, sha512_of_the_monte_carlo_chain) {
    const Hashing hashing(GetParam());
    check_chain<Hash512>("SHA512Monte.rsp", [&](auto messages, auto &digests) {
        return hashing.hash512_many(messages, digests);
    });
}

} // namespace
