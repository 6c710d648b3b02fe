// SPDX-License-Identifier: Apache-2.0
// SHA-256 as FIPS 180-4 section 6.2.2 writes it, in plain C++: what every other
// kernel is held against.
#include "accel/sha256_kernels.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <iterator>

namespace dsmil::accel {
namespace {

constexpr Sha256Table rounds = {
    {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
     0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
     0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
     0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
     0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
     0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
     0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
     0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2}};

constexpr std::uint32_t small0(std::uint32_t x) {
    return std::rotr(x, 7) ^ std::rotr(x, 18) ^ (x >> 3);
}
constexpr std::uint32_t small1(std::uint32_t x) {
    return std::rotr(x, 17) ^ std::rotr(x, 19) ^ (x >> 10);
}
constexpr std::uint32_t big0(std::uint32_t x) {
    return std::rotr(x, 2) ^ std::rotr(x, 13) ^ std::rotr(x, 22);
}
constexpr std::uint32_t big1(std::uint32_t x) {
    return std::rotr(x, 6) ^ std::rotr(x, 11) ^ std::rotr(x, 25);
}

constexpr void expand(Sha256Table &schedule) {
    auto &w = schedule.word;
    for (std::size_t t = 16; t < std::size(w); t++) {
        w[t] = small1(w[t - 2]) + w[t - 7] + small0(w[t - 15]) + w[t - 16];
    }
}

consteval Sha256Table padding_of_64() {
    Sha256Table table{};
    table.word[0] = 0x80000000;
    table.word[15] = 512; // bits
    expand(table);
    for (std::size_t t = 0; t < std::size(table.word); t++) {
        table.word[t] += rounds.word[t];
    }
    return table;
}

std::uint32_t big_endian(const std::uint8_t *bytes) {
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
           bytes[3];
}

void compress(std::uint32_t *state, const std::uint8_t *block) {
    Sha256Table schedule{};
    for (std::size_t t = 0; t < 16; t++) {
        schedule.word[t] = big_endian(block + 4 * t);
    }
    expand(schedule);
    std::array<std::uint32_t, 8> v{};
    std::copy_n(state, v.size(), v.begin());
    auto &[a, b, c, d, e, f, g, h] = v;
    for (std::size_t t = 0; t < std::size(schedule.word); t++) {
        const std::uint32_t choose = (e & f) ^ (~e & g);
        const std::uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
        const std::uint32_t first = h + big1(e) + choose + rounds.word[t] + schedule.word[t];
        const std::uint32_t second = big0(a) + majority;
        h = g;
        g = f;
        f = e;
        e = d + first;
        d = c;
        c = b;
        b = a;
        a = first + second;
    }
    for (std::size_t i = 0; i < v.size(); i++) {
        state[i] += v[i];
    }
}

} // namespace

const std::uint32_t sha256_initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
constinit const Sha256Table sha256_rounds = rounds;
constinit const Sha256Table sha256_padding64 = padding_of_64();

void sha256_one_portable(std::uint32_t *state, const std::uint8_t *data, std::size_t blocks) {
    for (std::size_t i = 0; i < blocks; i++) {
        compress(state, data + 64 * i);
    }
}

} // namespace dsmil::accel
