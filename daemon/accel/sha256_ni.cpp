// SPDX-License-Identifier: Apache-2.0
// SHA-256 with the SHA extensions, one message or two at once: a single stream
// waits for the latency of sha256rnds2 (4 cycles) and leaves the unit idle.
// Compiled for SSE4.1 and SHA, without AVX: no zmm or ymm register gets dirty here.
#include "accel/sha256_kernels.hpp"

#include <immintrin.h>

namespace dsmil::accel {
namespace {

// The order in which the instructions want the state: ABEF and CDGH.
struct State {
    __m128i abef;
    __m128i cdgh;
};

struct Stream {
    State now;
    __m128i w0; // the last 16 words of the schedule
    __m128i w1;
    __m128i w2;
    __m128i w3;
};

#define DSMIL_KERNEL inline __attribute__((always_inline))

inline __m128i load(const void *from) {
    return _mm_loadu_si128(static_cast<const __m128i *>(from));
}
inline void store(void *to, __m128i value) {
    _mm_storeu_si128(static_cast<__m128i *>(to), value);
}

inline State load_state(const uint32_t *state) {
    const __m128i dcba = _mm_shuffle_epi32(load(state), 0xB1);     // CDAB
    const __m128i hgfe = _mm_shuffle_epi32(load(state + 4), 0x1B); // EFGH
    return {_mm_alignr_epi8(dcba, hgfe, 8), _mm_blend_epi16(hgfe, dcba, 0xF0)};
}

inline void store_state(uint32_t *state, const State &from) {
    const __m128i feba = _mm_shuffle_epi32(from.abef, 0x1B);
    const __m128i dchg = _mm_shuffle_epi32(from.cdgh, 0xB1);
    store(state, _mm_blend_epi16(feba, dchg, 0xF0));
    store(state + 4, _mm_alignr_epi8(dchg, feba, 8));
}

DSMIL_KERNEL void begin(Stream *stream, const uint8_t *block) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    stream->w0 = _mm_shuffle_epi8(load(block), swap);
    stream->w1 = _mm_shuffle_epi8(load(block + 16), swap);
    stream->w2 = _mm_shuffle_epi8(load(block + 32), swap);
    stream->w3 = _mm_shuffle_epi8(load(block + 48), swap);
}

// Where the constants are, hidden from the compiler, which else takes some of them out of the loop over
// the blocks; and no loop over groups of rounds: there are no registers for either.
DSMIL_KERNEL const uint32_t *hidden(const uint32_t *constants) {
    asm volatile("" : "+r"(constants));
    return constants;
}

DSMIL_KERNEL void four_rounds(State *now, __m128i words, const uint32_t *constants) {
    const __m128i sum = _mm_add_epi32(words, _mm_load_si128((const __m128i *)constants));
    now->cdgh = _mm_sha256rnds2_epu32(now->cdgh, now->abef, sum);
    now->abef = _mm_sha256rnds2_epu32(now->abef, now->cdgh, _mm_shuffle_epi32(sum, 0x0E));
}

// The four words that come sixteen after `w`.
DSMIL_KERNEL __m128i later(__m128i w, __m128i w4, __m128i w8, __m128i w12) {
    return _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w, w4), _mm_alignr_epi8(w12, w8, 4)), w12);
}

DSMIL_KERNEL void sixteen_rounds(Stream *s, const uint32_t *constants) {
    four_rounds(&s->now, s->w0, constants);
    s->w0 = later(s->w0, s->w1, s->w2, s->w3);
    four_rounds(&s->now, s->w1, constants + 4);
    s->w1 = later(s->w1, s->w2, s->w3, s->w0);
    four_rounds(&s->now, s->w2, constants + 8);
    s->w2 = later(s->w2, s->w3, s->w0, s->w1);
    four_rounds(&s->now, s->w3, constants + 12);
    s->w3 = later(s->w3, s->w0, s->w1, s->w2);
}

// The same for two, step by step in turn.
DSMIL_KERNEL void sixteen_rounds(Stream *s, Stream *t, const uint32_t *constants) {
    four_rounds(&s->now, s->w0, constants);
    four_rounds(&t->now, t->w0, constants);
    s->w0 = later(s->w0, s->w1, s->w2, s->w3);
    t->w0 = later(t->w0, t->w1, t->w2, t->w3);
    four_rounds(&s->now, s->w1, constants + 4);
    four_rounds(&t->now, t->w1, constants + 4);
    s->w1 = later(s->w1, s->w2, s->w3, s->w0);
    t->w1 = later(t->w1, t->w2, t->w3, t->w0);
    four_rounds(&s->now, s->w2, constants + 8);
    four_rounds(&t->now, t->w2, constants + 8);
    s->w2 = later(s->w2, s->w3, s->w0, s->w1);
    t->w2 = later(t->w2, t->w3, t->w0, t->w1);
    four_rounds(&s->now, s->w3, constants + 12);
    four_rounds(&t->now, t->w3, constants + 12);
    s->w3 = later(s->w3, s->w0, s->w1, s->w2);
    t->w3 = later(t->w3, t->w0, t->w1, t->w2);
}

DSMIL_KERNEL void last_rounds(Stream *s, const uint32_t *constants) {
    four_rounds(&s->now, s->w0, constants);
    four_rounds(&s->now, s->w1, constants + 4);
    four_rounds(&s->now, s->w2, constants + 8);
    four_rounds(&s->now, s->w3, constants + 12);
}

DSMIL_KERNEL void last_rounds(Stream *s, Stream *t, const uint32_t *constants) {
    four_rounds(&s->now, s->w0, constants);
    four_rounds(&t->now, t->w0, constants);
    four_rounds(&s->now, s->w1, constants + 4);
    four_rounds(&t->now, t->w1, constants + 4);
    four_rounds(&s->now, s->w2, constants + 8);
    four_rounds(&t->now, t->w2, constants + 8);
    four_rounds(&s->now, s->w3, constants + 12);
    four_rounds(&t->now, t->w3, constants + 12);
}

inline void add(State *to, const State &from) {
    to->abef = _mm_add_epi32(to->abef, from.abef);
    to->cdgh = _mm_add_epi32(to->cdgh, from.cdgh);
}

} // namespace

void sha256_one_ni(uint32_t *state, const uint8_t *data, size_t blocks) {
    Stream stream;
    stream.now = load_state(state);
    for (; blocks > 0; blocks--, data += 64) {
        const State before = stream.now;
        begin(&stream, data);
        const uint32_t *const constants = hidden(sha256_rounds.word);
        sixteen_rounds(&stream, constants);
        sixteen_rounds(&stream, constants + 16);
        sixteen_rounds(&stream, constants + 32);
        last_rounds(&stream, constants + 48);
        add(&stream.now, before);
    }
    store_state(state, stream.now);
}

void sha256_two_ni(uint32_t *first, const uint8_t *first_data, uint32_t *second, const uint8_t *second_data,
                   size_t blocks) {
    Stream s;
    Stream t;
    s.now = load_state(first);
    t.now = load_state(second);
    for (; blocks > 0; blocks--, first_data += 64, second_data += 64) {
        const State s_before = s.now;
        const State t_before = t.now;
        begin(&s, first_data);
        begin(&t, second_data);
        const uint32_t *const constants = hidden(sha256_rounds.word);
        sixteen_rounds(&s, &t, constants);
        sixteen_rounds(&s, &t, constants + 16);
        sixteen_rounds(&s, &t, constants + 32);
        last_rounds(&s, &t, constants + 48);
        add(&s.now, s_before);
        add(&t.now, t_before);
    }
    store_state(first, s.now);
    store_state(second, t.now);
}

} // namespace dsmil::accel
