// SPDX-License-Identifier: Apache-2.0
// Sixteen messages of equally many blocks, from their first block to their
// digests in one go: no lane is filled again, no state lies in memory, and one
// group's end and the next one's beginning overlap in the processor. The leaves
// of a log, once sorted, are nearly all of this kind.
#include "accel/sha256_avx512.hpp"

namespace dsmil::accel {
namespace {

constexpr int bytes = 64; // of a block

// Of a block of which r bytes belong to the message, the byte behind them is 0x80: it is added by
// reading this table from middle - r on. r may be -8 ... 119: outside of 0 ... 63 that reads zeros.
constexpr int middle = 128;
struct alignas(64) EndTable {
    uint8_t byte[middle + 8 + bytes];
};
constexpr EndTable make_table() {
    EndTable table{};
    table.byte[middle] = 0x80;
    return table;
}
constexpr EndTable ends = make_table();

// What a block reads of each message.
enum Kind { whole, first_whole, last_but_one, last };

struct Message {
    uintptr_t at; // of the block
    int64_t left; // bytes of the message from there
};

template <Kind kind>
DSMIL_KERNEL Vector row_of(const Message *message, uint64_t read) {
    // An address, because with a zero before it the first may be one less than any object's.
    const uint8_t *at = (const uint8_t *)message->at; // NOLINT(performance-no-int-to-ptr)
    if (kind == whole) {
        return _mm512_loadu_si512(at);
    }
    if (kind == first_whole) {
        return _mm512_maskz_loadu_epi8(_cvtu64_mask64(read), at);
    }
    // 56 ... 119 bytes are left before the last block, -8 ... 55 in it.
    const uint64_t some = kind == last && message->left < 0 ? 0 : (uint64_t)message->left;
    const uint64_t mask = _bzhi_u64(~0ULL, (unsigned)some) & read;
    return _mm512_or_si512(_mm512_maskz_loadu_epi8(_cvtu64_mask64(mask), at),
                           _mm512_loadu_si512(ends.byte + middle - message->left));
}

template <Kind kind>
DSMIL_KERNEL void load_rows(Words *words, const Message *messages, uint64_t read) {
    const Vector swap = byte_swap();
#define DSMIL_ROW(i) words->w[i] = _mm512_shuffle_epi8(row_of<kind>(messages + (i), read), swap);
    DSMIL_EACH16(DSMIL_ROW)
#undef DSMIL_ROW
}

} // namespace

void sha256_equal_avx512(const Sha256Entry *entries, size_t blocks, bool zero_before) {
    Message messages[16];
    alignas(64) uint32_t low[16];
    alignas(64) uint32_t high[16];
    for (int i = 0; i < 16; i++) {
        const uint64_t size = entries[i].size;
        messages[i] = {(uintptr_t)entries[i].data - zero_before, (int64_t)size};
        low[i] = (uint32_t)(size << 3);
        high[i] = (uint32_t)(size >> 29);
    }
    uint64_t read = ~(uint64_t)zero_before; // all but the zero that is not in memory
    State state;
    initial_state(&state);
    for (size_t block = 1; block <= blocks; block++) {
        Words words;
        if (block == blocks) {
            load_rows<last>(&words, messages, read);
        } else if (block + 1 == blocks) {
            load_rows<last_but_one>(&words, messages, read);
        } else if (block == 1) {
            load_rows<first_whole>(&words, messages, read);
        } else {
            load_rows<whole>(&words, messages, read);
        }
        transpose(&words);
        if (block == blocks) {
            words.w[14] = _mm512_or_si512(words.w[14], _mm512_load_si512(high));
            words.w[15] = _mm512_or_si512(words.w[15], _mm512_load_si512(low));
        }
        const State before = state;
        rounds64(&state, &words);
        add_state(&state, &before);
        read = ~0ULL;
        for (Message &message : messages) {
            message.at += bytes;
            message.left -= bytes;
        }
    }
    Digests digests;
    digests_of(&state, &digests);
#define DSMIL_OUT(message, value) _mm256_storeu_si256((__m256i *)entries[message].digest, value);
    DSMIL_STORE_DIGESTS(digests, DSMIL_OUT)
#undef DSMIL_OUT
}

} // namespace dsmil::accel
