// SPDX-License-Identifier: Apache-2.0
// What the translation units of the tiers offer for SHA-256, as a table of
// pointers. They are compiled with instructions that this processor may lack:
// so this header has no inline function and no template, and includes nothing
// that has (an inline function compiled there could replace everybody's).
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace dsmil::accel {

// One message. With `zero_before` the message begins with a zero byte that is
// not in memory (a leaf of RFC 6962) and `size` counts it: data - 1 is never read.
struct Sha256Entry {
    const uint8_t *data;
    uint64_t size;
    uint8_t *digest; // 32 bytes
};

inline constexpr unsigned sha256_lanes = 16;

// Sixteen messages in flight. Word w of lane i is state[w][i].
struct alignas(64) Sha256Lanes {
    uint32_t state[8][sha256_lanes];
    uint64_t next[sha256_lanes];     // the address of the next block
    int64_t left[sha256_lanes];      // bytes from there; < 0: only the length is left
    uint64_t skip[sha256_lanes];     // 1: the first byte of the next block is the unread zero
    uint32_t bits_low[sha256_lanes]; // of the message's length
    uint32_t bits_high[sha256_lanes];
    uint8_t *digest[sha256_lanes];
    uint32_t live; // a bit a lane
};

struct Sha256Kernels {
    // `blocks` blocks of one message.
    void (*one)(uint32_t state[8], const uint8_t *data, size_t blocks);
    // The same for two at once; null where that gains nothing.
    void (*two)(uint32_t first[8], const uint8_t *first_data, uint32_t second[8], const uint8_t *second_data,
                size_t blocks);
    // Takes `count` entries in their order into lanes that are free and hashes until all are
    // taken, and then until fewer than `enough` lanes are live. Null without lanes.
    void (*lanes)(Sha256Lanes *lanes, const Sha256Entry *entries, size_t count, bool zero_before,
                  unsigned enough);
    // Sixteen messages that need the same number of blocks (the length's eight bytes counted).
    void (*equal)(const Sha256Entry *entries, size_t blocks, bool zero_before);
    // Sixteen nodes: 1,024 bytes of children to 512 of parents. prefixed: RFC 6962's, of 65 bytes.
    void (*nodes_prefixed)(const uint8_t *children, uint8_t *parents);
    void (*nodes_plain)(const uint8_t *children, uint8_t *parents);
};

struct alignas(64) Sha256Table {
    uint32_t word[64];
};
extern const uint32_t sha256_initial[8];
// The round constants of FIPS 180-4 section 4.2.2.
extern const Sha256Table sha256_rounds;
// Round constant plus schedule of the block that pads a message of 64 bytes.
extern const Sha256Table sha256_padding64;

void sha256_one_portable(uint32_t state[8], const uint8_t *data, size_t blocks);
void sha256_one_ni(uint32_t state[8], const uint8_t *data, size_t blocks);
void sha256_two_ni(uint32_t first[8], const uint8_t *first_data, uint32_t second[8],
                   const uint8_t *second_data, size_t blocks);
void sha256_lanes_avx512(Sha256Lanes *lanes, const Sha256Entry *entries, size_t count, bool zero_before,
                         unsigned enough);
void sha256_equal_avx512(const Sha256Entry *entries, size_t blocks, bool zero_before);
void sha256_nodes_prefixed_avx512(const uint8_t *children, uint8_t *parents);
void sha256_nodes_plain_avx512(const uint8_t *children, uint8_t *parents);

} // namespace dsmil::accel
