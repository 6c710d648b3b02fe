// SPDX-License-Identifier: Apache-2.0
// Nodes of Merkle trees, sixteen at a time. The block that ends the message is
// known but for a byte (RFC 6962) or whole (64 bytes), so that most of its
// schedule is not computed.
#include "accel/sha256_avx512.hpp"

namespace dsmil::accel {
namespace {

DSMIL_KERNEL void store_digests(const State *state, uint8_t *to) {
    Digests digests;
    digests_of(state, &digests);
#define DSMIL_OUT(message, value) _mm256_storeu_si256((__m256i *)(to + 32UL * (message)), value);
    DSMIL_STORE_DIGESTS(digests, DSMIL_OUT)
#undef DSMIL_OUT
}

DSMIL_KERNEL void swap_and_transpose(Words *words) {
    const Vector swap = byte_swap();
#define DSMIL_SWAP(i) words->w[i] = _mm512_shuffle_epi8(words->w[i], swap);
    DSMIL_EACH16(DSMIL_SWAP)
#undef DSMIL_SWAP
    transpose(words);
}

// What the first blocks, loaded as they lie in memory, make of the initial state.
DSMIL_KERNEL State first_block(Words *words) {
    swap_and_transpose(words);
    State state;
    initial_state(&state);
    rounds64(&state, words);
    State start;
    initial_state(&start);
    add_state(&state, &start);
    return state;
}

// The rounds of a block of which all words are known, constants added.
DSMIL_KERNEL void rounds_of_table(State *state, const uint32_t *sums) {
    State s = *state;
    for (int group = 0; group < 4; group++, sums += 16) {
#define DSMIL_STEP(t) DSMIL_ROUND(s, t, constant(sums + (t)));
        DSMIL_EACH16(DSMIL_STEP)
#undef DSMIL_STEP
    }
    *state = s;
}

// The block of RFC 6962's node that holds its last byte: words 1 to 14 are zero,
// and the first expansion is written out without them.
DSMIL_KERNEL void rounds_of_last_byte(State *state, Vector first_word) {
    const uint32_t *const constants = hidden(sha256_rounds.word);
    const Vector length = _mm512_set1_epi32(65 * 8);
    State s = *state;
    Words words;
    Vector *w = words.w;
    w[0] = first_word;
    w[15] = length;
    DSMIL_ROUND(s, 0, add(first_word, constant(constants)));
#define DSMIL_STEP(t) DSMIL_ROUND(s, t, constant(constants + (t)));
    DSMIL_STEP(1)
    DSMIL_STEP(2)
    DSMIL_STEP(3)
    DSMIL_STEP(4)
    DSMIL_STEP(5)
    DSMIL_STEP(6)
    DSMIL_STEP(7)
    DSMIL_STEP(8)
    DSMIL_STEP(9)
    DSMIL_STEP(10)
    DSMIL_STEP(11)
    DSMIL_STEP(12)
    DSMIL_STEP(13)
    DSMIL_STEP(14)
#undef DSMIL_STEP
    DSMIL_ROUND(s, 15, add(length, constant(constants + 15)));
    // w[t + 16] = small1(w[t + 14]) + w[t + 9] + small0(w[t + 1]) + w[t], zeros left out.
    w[1] = small1(length);                                            // 17
    w[2] = small1(w[0]);                                              // 18
    w[3] = small1(w[1]);                                              // 19
    w[4] = small1(w[2]);                                              // 20
    w[5] = small1(w[3]);                                              // 21
    w[6] = add(small1(w[4]), length);                                 // 22
    w[7] = add(small1(w[5]), w[0]);                                   // 23
    w[8] = add(small1(w[6]), w[1]);                                   // 24
    w[9] = add(small1(w[7]), w[2]);                                   // 25
    w[10] = add(small1(w[8]), w[3]);                                  // 26
    w[11] = add(small1(w[9]), w[4]);                                  // 27
    w[12] = add(small1(w[10]), w[5]);                                 // 28
    w[13] = add(small1(w[11]), w[6]);                                 // 29
    w[14] = add(add(small1(w[12]), w[7]), small0(length));            // 30
    w[15] = add(add(small1(w[13]), w[8]), add(small0(w[0]), length)); // 31
    rounds_from16(&s, &words, constants);
    *state = s;
}

} // namespace

void sha256_nodes_plain_avx512(const uint8_t *children, uint8_t *parents) {
    Words words;
#define DSMIL_ROW(i) words.w[i] = _mm512_loadu_si512(children + 64UL * (i));
    DSMIL_EACH16(DSMIL_ROW)
#undef DSMIL_ROW
    const State before = first_block(&words);
    State state = before;
    rounds_of_table(&state, sha256_padding64.word);
    add_state(&state, &before);
    store_digests(&state, parents);
}

void sha256_nodes_prefixed_avx512(const uint8_t *children, uint8_t *parents) {
    // Each row one byte earlier, where the prefix belongs; of the first, that byte is not read.
    const Vector prefix = _mm512_castsi128_si512(_mm_cvtsi32_si128(1));
    const __mmask64 behind_it = ~(__mmask64)1;
    Words words;
    const uintptr_t before_it = (uintptr_t)children - 1;
    // NOLINTBEGIN(performance-no-int-to-ptr): what is before the first row may be no object
#define DSMIL_ROW(i)                                                                                         \
    words.w[i] = _mm512_mask_loadu_epi8(prefix, behind_it, (const uint8_t *)(before_it + 64UL * (i)));
    DSMIL_EACH16(DSMIL_ROW)
#undef DSMIL_ROW
    // NOLINTEND(performance-no-int-to-ptr)
    // The last byte of each pair begins the next block.
    const Vector places =
        _mm512_set_epi32(1023, 959, 895, 831, 767, 703, 639, 575, 511, 447, 383, 319, 255, 191, 127, 63);
    // Four bytes that end with it, so that nothing behind the pairs is read.
    const Vector ends = _mm512_i32gather_epi32(_mm512_sub_epi32(places, _mm512_set1_epi32(3)), children, 1);
    const Vector last = _mm512_or_si512(_mm512_and_si512(ends, _mm512_set1_epi32((int)0xFF000000)),
                                        _mm512_set1_epi32(0x800000));
    const State before = first_block(&words);
    State state = before;
    rounds_of_last_byte(&state, last);
    add_state(&state, &before);
    store_digests(&state, parents);
}

} // namespace dsmil::accel
