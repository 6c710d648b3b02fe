// SPDX-License-Identifier: Apache-2.0
// Many messages of any length, sixteen at a time. A lane whose message ends is
// filled again at once; what a lane reads of its last blocks is masked, so that
// no tail is copied and nothing behind a message is touched.
#include "accel/sha256_avx512.hpp"

// Addresses, because with a zero before it the first may be one less than any object's.
// NOLINTBEGIN(performance-no-int-to-ptr)
namespace dsmil::accel {
namespace {

struct Refill {
    const Sha256Entry *next;
    const Sha256Entry *end;
    bool zero_before;
};

DSMIL_KERNEL void load_state(State *state, const Sha256Lanes *lanes){
#define DSMIL_LOAD(i) state->v[i] = _mm512_load_si512(lanes->state[i]);
    DSMIL_EACH8(DSMIL_LOAD)
#undef DSMIL_LOAD
}

// 64 rounds over the words, and the state in memory goes on.
DSMIL_KERNEL void advance(Sha256Lanes *lanes, Words *words) {
    State state;
    load_state(&state, lanes);
    rounds64(&state, words);
#define DSMIL_ADD(i) _mm512_store_si512(lanes->state[i], add(state.v[i], _mm512_load_si512(lanes->state[i])));
    DSMIL_EACH8(DSMIL_ADD)
#undef DSMIL_ADD
}

// `blocks` whole blocks of each lane.
__attribute__((noinline)) void whole_blocks(Sha256Lanes *lanes, uint64_t blocks) {
    const uint8_t *at[16];
    for (int i = 0; i < 16; i++) {
        at[i] = (const uint8_t *)lanes->next[i];
    }
    const uint64_t bytes = 64 * blocks;
    for (uint64_t offset = 0; offset < bytes; offset += 64) {
        const Vector swap = byte_swap();
        Words words;
#define DSMIL_ROW(i) words.w[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(at[i] + offset), swap);
        DSMIL_EACH16(DSMIL_ROW)
#undef DSMIL_ROW
        transpose(&words);
        advance(lanes, &words);
    }
    const Vector moved = _mm512_set1_epi64((long long)bytes);
    for (size_t half = 0; half < 2; half++) {
        uint64_t *next = lanes->next + 8 * half;
        int64_t *left = lanes->left + 8 * half;
        _mm512_store_si512(next, _mm512_add_epi64(_mm512_load_si512(next), moved));
        _mm512_store_si512(left, _mm512_sub_epi64(_mm512_load_si512(left), moved));
    }
}

// One block of each lane: a whole one, a part with the bit that ends the message, or what is
// left of the padding. The lanes whose message ended with it.
__attribute__((noinline)) uint32_t any_block(Sha256Lanes *lanes) {
    alignas(64) uint64_t read[16]; // a bit for each byte of the message in this block
    alignas(64) uint64_t end[16];  // the bit of the byte behind the message, if it is in this block
    const Vector one = _mm512_set1_epi64(1);
    const Vector block = _mm512_set1_epi64(64);
    uint32_t ends = 0;
    for (size_t half = 0; half < 2; half++) {
        uint64_t *next = lanes->next + 8 * half;
        int64_t *left = lanes->left + 8 * half;
        uint64_t *skip = lanes->skip + 8 * half;
        const Vector bytes = _mm512_load_si512(left);
        const Vector behind = _mm512_sllv_epi64(one, bytes); // 0 for 64 and more, and below 0
        const Vector unread = _mm512_load_si512(skip);
        const __mmask8 some = _mm512_cmpge_epi64_mask(bytes, _mm512_setzero_si512());
        _mm512_store_si512(read + 8 * half,
                           _mm512_andnot_si512(unread, _mm512_maskz_sub_epi64(some, behind, one)));
        _mm512_store_si512(end + 8 * half, behind);
        ends |= (uint32_t)_mm512_cmplt_epi64_mask(bytes, _mm512_set1_epi64(56)) << (8 * half);
        _mm512_store_si512(next, _mm512_add_epi64(_mm512_load_si512(next), block));
        _mm512_store_si512(left, _mm512_sub_epi64(bytes, block));
        _mm512_store_si512(skip, _mm512_setzero_si512());
    }
    const Vector swap = byte_swap();
    const Vector end_bit = _mm512_set1_epi8((char)0x80);
    Words words;
#define DSMIL_ROW(i)                                                                                         \
    words.w[i] = _mm512_shuffle_epi8(                                                                        \
        _mm512_mask_mov_epi8(                                                                                \
            _mm512_maskz_loadu_epi8(_cvtu64_mask64(read[i]), (const uint8_t *)(lanes->next[i] - 64)),        \
            _cvtu64_mask64(end[i]), end_bit),                                                                \
        swap);
    DSMIL_EACH16(DSMIL_ROW)
#undef DSMIL_ROW
    transpose(&words);
    ends &= lanes->live;
    const __mmask16 with_length = (__mmask16)ends;
    words.w[14] = _mm512_mask_mov_epi32(words.w[14], with_length, _mm512_load_si512(lanes->bits_high));
    words.w[15] = _mm512_mask_mov_epi32(words.w[15], with_length, _mm512_load_si512(lanes->bits_low));
    advance(lanes, &words);
    return ends;
}

// Writes the digests of the lanes and gives them new messages, while there are some.
__attribute__((noinline)) void finish(Sha256Lanes *lanes, uint32_t ended, Refill *refill) {
    State state;
    load_state(&state, lanes);
    Digests digests;
    digests_of(&state, &digests);
    alignas(64) uint8_t out[16][32];
#define DSMIL_OUT(message, value) _mm256_store_si256((__m256i *)out[message], value);
    DSMIL_STORE_DIGESTS(digests, DSMIL_OUT)
#undef DSMIL_OUT
    for (uint32_t left = ended; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        _mm256_storeu_si256((__m256i *)lanes->digest[lane], _mm256_load_si256((const __m256i *)out[lane]));
    }
#define DSMIL_BEGIN(i)                                                                                       \
    _mm512_store_si512(lanes->state[i],                                                                      \
                       _mm512_mask_mov_epi32(state.v[i], (__mmask16)ended, constant(sha256_initial + (i))));
    DSMIL_EACH8(DSMIL_BEGIN)
#undef DSMIL_BEGIN
    for (; ended != 0; ended &= ended - 1) {
        const int lane = __builtin_ctz(ended);
        if (refill->next == refill->end) {
            lanes->live &= ~(1U << lane);
            lanes->left[lane] = INT64_MIN / 2; // nothing of it is read, and it never ends
            continue;
        }
        const Sha256Entry *entry = refill->next++;
        lanes->next[lane] = (uint64_t)entry->data - refill->zero_before;
        lanes->left[lane] = (int64_t)entry->size;
        lanes->skip[lane] = refill->zero_before;
        lanes->bits_low[lane] = (uint32_t)(entry->size << 3);
        lanes->bits_high[lane] = (uint32_t)(entry->size >> 29);
        lanes->digest[lane] = entry->digest;
        lanes->live |= 1U << lane;
    }
}

// How many blocks every live lane has whole; 0 while one reads its unread byte. An idle lane, which
// never ends, then reads what a live one reads.
DSMIL_KERNEL uint64_t whole_of_all(Sha256Lanes *lanes) {
    const __mmask8 idle_low = (__mmask8)~lanes->live;
    const __mmask8 idle_high = (__mmask8)(~lanes->live >> 8);
    const Vector most = _mm512_set1_epi64(INT64_MAX);
    const Vector low = _mm512_mask_mov_epi64(_mm512_load_si512(lanes->left), idle_low, most);
    const Vector high = _mm512_mask_mov_epi64(_mm512_load_si512(lanes->left + 8), idle_high, most);
    const Vector skips = _mm512_or_si512(_mm512_load_si512(lanes->skip), _mm512_load_si512(lanes->skip + 8));
    const Vector least = _mm512_min_epi64(low, high);
    if (_mm512_cmplt_epi64_mask(least, _mm512_set1_epi64(64)) != 0 ||
        _mm512_test_epi64_mask(skips, skips) != 0) {
        return 0;
    }
    const uint64_t blocks = (uint64_t)_mm512_reduce_min_epi64(least) / 64;
    if (lanes->live != 0xFFFF) {
        const Vector any = _mm512_set1_epi64((long long)lanes->next[__builtin_ctz(lanes->live)]);
        _mm512_mask_storeu_epi64(lanes->next, idle_low, any);
        _mm512_mask_storeu_epi64(lanes->next + 8, idle_high, any);
    }
    return blocks;
}

} // namespace

void sha256_lanes_avx512(Sha256Lanes *lanes, const Sha256Entry *entries, size_t count, bool zero_before,
                         unsigned enough) {
    Refill refill = {entries, entries + count, zero_before};
    const uint32_t idle = ~lanes->live & 0xFFFF;
    if (count != 0 && idle != 0) {
        // The digest of a lane that never lived goes nowhere.
        uint8_t nowhere[32];
        for (uint32_t left = idle; left != 0; left &= left - 1) {
            lanes->digest[__builtin_ctz(left)] = nowhere;
        }
        finish(lanes, idle, &refill);
    }
    while ((unsigned)__builtin_popcount(lanes->live) >= enough) {
        const uint64_t whole = whole_of_all(lanes);
        if (whole != 0) {
            whole_blocks(lanes, whole);
        }
        const uint32_t ended = any_block(lanes);
        if (ended != 0) {
            finish(lanes, ended, &refill);
        }
    }
}

} // namespace dsmil::accel
// NOLINTEND(performance-no-int-to-ptr)
