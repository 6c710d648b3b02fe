// SPDX-License-Identifier: Apache-2.0
// Loops of independent instructions. They are called only where there is AVX-512.
#include "rates.hpp"

namespace bench {
namespace {

constexpr int rounds = 2000;

void rotations() {
    for (int i = 0; i < rounds; i++) {
        asm volatile(
            "vprord $7, %%zmm0, %%zmm8\n\tvprord $7, %%zmm1, %%zmm9\n\tvprord $7, %%zmm2, %%zmm10\n\t"
            "vprord $7, %%zmm3, %%zmm11\n\tvprord $7, %%zmm4, %%zmm12\n\tvprord $7, %%zmm5, %%zmm13\n\t"
            "vprord $7, %%zmm6, %%zmm14\n\tvprord $7, %%zmm7, %%zmm15" ::
                : "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    }
    asm volatile("vzeroupper");
}

void additions() {
    for (int i = 0; i < rounds; i++) {
        asm volatile("vpaddd %%zmm0, %%zmm0, %%zmm8\n\tvpaddd %%zmm1, %%zmm1, %%zmm9\n\t"
                     "vpaddd %%zmm2, %%zmm2, %%zmm10\n\tvpaddd %%zmm3, %%zmm3, %%zmm11\n\t"
                     "vpaddd %%zmm4, %%zmm4, %%zmm12\n\tvpaddd %%zmm5, %%zmm5, %%zmm13\n\t"
                     "vpaddd %%zmm6, %%zmm6, %%zmm14\n\tvpaddd %%zmm7, %%zmm7, %%zmm15" ::
                         : "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    }
    asm volatile("vzeroupper");
}

// 6 rotations, 4 of logic, 7 additions: a round.
void mixed() {
    for (int i = 0; i < rounds; i++) {
        asm volatile("vprord $7, %%zmm0, %%zmm8\n\tvpaddd %%zmm1, %%zmm1, %%zmm9\n\t"
                     "vprord $7, %%zmm2, %%zmm10\n\tvpternlogd $0x96, %%zmm3, %%zmm4, %%zmm11\n\t"
                     "vpaddd %%zmm4, %%zmm4, %%zmm12\n\tvprord $7, %%zmm5, %%zmm13\n\t"
                     "vpaddd %%zmm6, %%zmm6, %%zmm14\n\tvpternlogd $0x96, %%zmm3, %%zmm4, %%zmm15\n\t"
                     "vprord $7, %%zmm0, %%zmm8\n\tvpaddd %%zmm1, %%zmm1, %%zmm9\n\t"
                     "vprord $7, %%zmm2, %%zmm10\n\tvpternlogd $0x96, %%zmm3, %%zmm4, %%zmm11\n\t"
                     "vpaddd %%zmm4, %%zmm4, %%zmm12\n\tvprord $7, %%zmm5, %%zmm13\n\t"
                     "vpaddd %%zmm6, %%zmm6, %%zmm14\n\tvpternlogd $0x96, %%zmm3, %%zmm4, %%zmm15\n\t"
                     "vpaddd %%zmm7, %%zmm7, %%zmm9" ::
                         : "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    }
    asm volatile("vzeroupper");
}

} // namespace

Rate rotations_avx512() {
    return {8.0 * rounds, rotations};
}
Rate additions_avx512() {
    return {8.0 * rounds, additions};
}
Rate mixed_avx512() {
    return {17.0 * rounds, mixed};
}

} // namespace bench
