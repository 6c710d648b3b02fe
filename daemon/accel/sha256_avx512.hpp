// SPDX-License-Identifier: Apache-2.0
// Sixteen SHA-256 compressions at once, a message in each 32-bit lane. Only for
// the translation units of the AVX-512 tier: all of it has internal linkage, so
// that none of it can be linked into anything else.
#pragma once

#include "accel/sha256_kernels.hpp"

#ifndef __clang__
// GCC's partial redundancy elimination keeps more alive than there are registers. Before the
// intrinsics, which are functions that must be inlined into ours.
#pragma GCC optimize("no-tree-pre")
#endif
#include <immintrin.h>

namespace dsmil::accel {
namespace { // NOLINT(cert-dcl59-cpp): internal linkage is the point

#define DSMIL_KERNEL inline __attribute__((always_inline))

using Vector = __m512i;

struct Words {
    Vector w[16];
};
struct State {
    Vector v[8];
};

DSMIL_KERNEL Vector add(Vector x, Vector y) {
    return _mm512_add_epi32(x, y);
}
DSMIL_KERNEL Vector xor3(Vector x, Vector y, Vector z) {
    return _mm512_ternarylogic_epi32(x, y, z, 0x96);
}
DSMIL_KERNEL Vector small0(Vector x) {
    return xor3(_mm512_ror_epi32(x, 7), _mm512_ror_epi32(x, 18), _mm512_srli_epi32(x, 3));
}
DSMIL_KERNEL Vector small1(Vector x) {
    return xor3(_mm512_ror_epi32(x, 17), _mm512_ror_epi32(x, 19), _mm512_srli_epi32(x, 10));
}

// One round; `sum` is the word of the schedule plus the constant. The caller rotates the names.
DSMIL_KERNEL void round_of(Vector a, Vector b, Vector c, Vector *d, Vector e, Vector f, Vector g, Vector *h,
                           Vector sum) {
    const Vector big1 = xor3(_mm512_ror_epi32(e, 6), _mm512_ror_epi32(e, 11), _mm512_ror_epi32(e, 25));
    const Vector choose = _mm512_ternarylogic_epi32(e, f, g, 0xCA);
    const Vector first = add(add(*h, sum), add(big1, choose));
    const Vector big0 = xor3(_mm512_ror_epi32(a, 2), _mm512_ror_epi32(a, 13), _mm512_ror_epi32(a, 22));
    const Vector majority = _mm512_ternarylogic_epi32(a, b, c, 0xE8);
    *d = add(*d, first);
    *h = add(add(big0, majority), first);
}

DSMIL_KERNEL Vector constant(const uint32_t *word) {
    return _mm512_set1_epi32((int)*word);
}

#define DSMIL_ROUND(s, t, sum)                                                                               \
    round_of((s).v[(0 - (t)) & 7], (s).v[(1 - (t)) & 7], (s).v[(2 - (t)) & 7], &(s).v[(3 - (t)) & 7],        \
             (s).v[(4 - (t)) & 7], (s).v[(5 - (t)) & 7], (s).v[(6 - (t)) & 7], &(s).v[(7 - (t)) & 7], sum)
#define DSMIL_EACH8(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define DSMIL_EACH16(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

// The word sixteen later takes the place of w[t].
DSMIL_KERNEL void expand(Words *words, unsigned t) {
    Vector *w = words->w;
    w[t & 15] = add(add(w[t & 15], small0(w[(t + 1) & 15])), add(w[(t + 9) & 15], small1(w[(t + 14) & 15])));
}

// Where the constants are, so that the compiler cannot know it: else it takes those of known
// rounds out of the loop over the blocks, and there are no registers for them.
DSMIL_KERNEL const uint32_t *hidden(const uint32_t *constants) {
    asm volatile("" : "+r"(constants));
    return constants;
}

// The last 48 rounds; `words` has words 16 to 31 of the schedule and is used up. Written out: in a loop
// GCC keeps the schedule in memory.
DSMIL_KERNEL void rounds_from16(State *s, Words *words, const uint32_t *constants){
#define DSMIL_STEP(t)                                                                                        \
    DSMIL_ROUND(*s, t, add(words->w[(t) & 15], constant(constants + (t))));                                  \
    expand(words, (t) & 15);
#define DSMIL_STEP16(t) DSMIL_STEP(16 + (t))
#define DSMIL_STEP32(t) DSMIL_STEP(32 + (t))
#define DSMIL_STEP48(t) DSMIL_ROUND(*s, t, add(words->w[t], constant(constants + 48 + (t))));
    DSMIL_EACH16(DSMIL_STEP16) DSMIL_EACH16(DSMIL_STEP32) DSMIL_EACH16(DSMIL_STEP48)
#undef DSMIL_STEP
#undef DSMIL_STEP16
#undef DSMIL_STEP32
#undef DSMIL_STEP48
}

// 64 rounds of a block whose words are in `words`, which are used up.
DSMIL_KERNEL void rounds64(State *state, Words *words) {
    const uint32_t *const constants = hidden(sha256_rounds.word);
    State s = *state;
#define DSMIL_STEP(t)                                                                                        \
    DSMIL_ROUND(s, t, add(words->w[t], constant(constants + (t))));                                          \
    expand(words, t);
    DSMIL_EACH16(DSMIL_STEP)
#undef DSMIL_STEP
    rounds_from16(&s, words, constants);
    *state = s;
}

DSMIL_KERNEL Vector byte_swap() {
    return _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
}

// From a row for each message (its 64 bytes) to a vector for each word. No loops: GCC splits an
// array into registers before it unrolls one.
DSMIL_KERNEL void transpose(Words *rows) {
    Vector *r = rows->w;
    Vector pairs[16];
    Vector quads[16];
#define DSMIL_PAIR(i)                                                                                        \
    pairs[i] = _mm512_unpacklo_epi32(r[i], r[(i) + 1]);                                                      \
    pairs[(i) + 1] = _mm512_unpackhi_epi32(r[i], r[(i) + 1]);
#define DSMIL_QUAD(i)                                                                                        \
    DSMIL_PAIR(i)                                                                                            \
    DSMIL_PAIR((i) + 2)                                                                                      \
    quads[i] = _mm512_unpacklo_epi64(pairs[i], pairs[(i) + 2]);                                              \
    quads[(i) + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[(i) + 2]);                                        \
    quads[(i) + 2] = _mm512_unpacklo_epi64(pairs[(i) + 1], pairs[(i) + 3]);                                  \
    quads[(i) + 3] = _mm512_unpackhi_epi64(pairs[(i) + 1], pairs[(i) + 3]);
    DSMIL_QUAD(0)
    DSMIL_QUAD(4)
    DSMIL_QUAD(8)
    DSMIL_QUAD(12)
    // quads[4 * q + m] has, in 128-bit part p, word 4 * p + m of messages 4 * q ... 4 * q + 3.
#define DSMIL_PARTS(m)                                                                                       \
    {                                                                                                        \
        const Vector low01 = _mm512_shuffle_i32x4(quads[m], quads[4 + (m)], 0x88);                           \
        const Vector low23 = _mm512_shuffle_i32x4(quads[8 + (m)], quads[12 + (m)], 0x88);                    \
        const Vector high01 = _mm512_shuffle_i32x4(quads[m], quads[4 + (m)], 0xDD);                          \
        const Vector high23 = _mm512_shuffle_i32x4(quads[8 + (m)], quads[12 + (m)], 0xDD);                   \
        r[m] = _mm512_shuffle_i32x4(low01, low23, 0x88);                                                     \
        r[4 + (m)] = _mm512_shuffle_i32x4(high01, high23, 0x88);                                             \
        r[8 + (m)] = _mm512_shuffle_i32x4(low01, low23, 0xDD);                                               \
        r[12 + (m)] = _mm512_shuffle_i32x4(high01, high23, 0xDD);                                            \
    }
    DSMIL_PARTS(0)
    DSMIL_PARTS(1)
    DSMIL_PARTS(2)
    DSMIL_PARTS(3)
#undef DSMIL_PAIR
#undef DSMIL_QUAD
#undef DSMIL_PARTS
}

// The 32-byte digests of the sixteen messages, two a vector: pair[i] has that of message i and,
// above it, of message i + 4, for i below 4, and of i + 4 and i + 8 for the others.
struct Digests {
    Vector pair[8];
};

DSMIL_KERNEL void digests_of(const State *state, Digests *to) {
    const Vector swap = byte_swap();
    Vector quads[8]; // quads[4 * half + m], part q: words 4 * half ... of message 4 * q + m
#define DSMIL_HALF(first)                                                                                    \
    {                                                                                                        \
        const Vector *word = state->v + (first);                                                             \
        const Vector low01 = _mm512_unpacklo_epi32(word[0], word[1]);                                        \
        const Vector high01 = _mm512_unpackhi_epi32(word[0], word[1]);                                       \
        const Vector low23 = _mm512_unpacklo_epi32(word[2], word[3]);                                        \
        const Vector high23 = _mm512_unpackhi_epi32(word[2], word[3]);                                       \
        quads[first] = _mm512_unpacklo_epi64(low01, low23);                                                  \
        quads[(first) + 1] = _mm512_unpackhi_epi64(low01, low23);                                            \
        quads[(first) + 2] = _mm512_unpacklo_epi64(high01, high23);                                          \
        quads[(first) + 3] = _mm512_unpackhi_epi64(high01, high23);                                          \
    }
    DSMIL_HALF(0)
    DSMIL_HALF(4)
    // Part q of the first four words beside part q of the last four.
#define DSMIL_SIDE(m)                                                                                        \
    {                                                                                                        \
        const Vector low = _mm512_shuffle_i32x4(quads[m], quads[4 + (m)], 0x44);                             \
        const Vector high = _mm512_shuffle_i32x4(quads[m], quads[4 + (m)], 0xEE);                            \
        to->pair[m] = _mm512_shuffle_epi8(_mm512_shuffle_i32x4(low, low, 0xD8), swap);                       \
        to->pair[4 + (m)] = _mm512_shuffle_epi8(_mm512_shuffle_i32x4(high, high, 0xD8), swap);               \
    }
    DSMIL_SIDE(0)
    DSMIL_SIDE(1)
    DSMIL_SIDE(2)
    DSMIL_SIDE(3)
#undef DSMIL_HALF
#undef DSMIL_SIDE
}

DSMIL_KERNEL void initial_state(State *state){
#define DSMIL_WORD(i) state->v[i] = constant(sha256_initial + (i));
    DSMIL_EACH8(DSMIL_WORD)
#undef DSMIL_WORD
}

DSMIL_KERNEL void add_state(State *to, const State *from) {
#define DSMIL_ADD(i) to->v[i] = add(to->v[i], from->v[i]);
    DSMIL_EACH8(DSMIL_ADD)
#undef DSMIL_ADD
}

// Calls STORE(message, its digest) for all sixteen.
#define DSMIL_STORE_DIGESTS(digests, STORE)                                                                  \
    STORE(0, _mm512_castsi512_si256((digests).pair[0]))                                                      \
    STORE(4, _mm512_extracti64x4_epi64((digests).pair[0], 1))                                                \
    STORE(1, _mm512_castsi512_si256((digests).pair[1]))                                                      \
    STORE(5, _mm512_extracti64x4_epi64((digests).pair[1], 1))                                                \
    STORE(2, _mm512_castsi512_si256((digests).pair[2]))                                                      \
    STORE(6, _mm512_extracti64x4_epi64((digests).pair[2], 1))                                                \
    STORE(3, _mm512_castsi512_si256((digests).pair[3]))                                                      \
    STORE(7, _mm512_extracti64x4_epi64((digests).pair[3], 1))                                                \
    STORE(8, _mm512_castsi512_si256((digests).pair[4]))                                                      \
    STORE(12, _mm512_extracti64x4_epi64((digests).pair[4], 1))                                               \
    STORE(9, _mm512_castsi512_si256((digests).pair[5]))                                                      \
    STORE(13, _mm512_extracti64x4_epi64((digests).pair[5], 1))                                               \
    STORE(10, _mm512_castsi512_si256((digests).pair[6]))                                                     \
    STORE(14, _mm512_extracti64x4_epi64((digests).pair[6], 1))                                               \
    STORE(11, _mm512_castsi512_si256((digests).pair[7]))                                                     \
    STORE(15, _mm512_extracti64x4_epi64((digests).pair[7], 1))

} // namespace
} // namespace dsmil::accel
