// SPDX-License-Identifier: Apache-2.0
// What this processor can do, as CPUID says it and as the operating system
// allows it: a vector feature whose registers the system does not save (XCR0)
// is not there. Pure where it can be: features_of() is a function of the raw
// answers, so that tests ask it about processors that they do not have.
#pragma once

#include <cstdint>
#include <string>

namespace dsmil::accel {

// One leaf's answer.
struct CpuidWords {
    std::uint32_t eax = 0;
    std::uint32_t ebx = 0;
    std::uint32_t ecx = 0;
    std::uint32_t edx = 0;
};

// All that is asked of a processor.
struct CpuidAnswers {
    CpuidWords basic;       // leaf 0: the highest leaf, and the vendor
    CpuidWords leaf1;       // leaf 1
    CpuidWords leaf7;       // leaf 7, subleaf 0
    CpuidWords leaf7_1;     // leaf 7, subleaf 1
    std::uint64_t xcr0 = 0; // 0 without OSXSAVE
    std::string model;      // the brand string, without blanks around it
};

struct Features {
    std::string vendor; // "GenuineIntel"
    std::string model;  // "Intel(R) Core(TM) Ultra 7 165H"
    bool sse41 = false; // with SSSE3
    bool aes = false;
    bool pclmul = false;
    bool sha = false;  // SHA-NI: needs no AVX
    bool avx2 = false; // with FMA and BMI2, which every such processor has
    bool vaes = false; // on ymm registers
    bool vpclmul = false;
    bool avx_vnni = false;
    bool avx512 = false;      // F, BW, DQ, VL together
    bool avx512_vbmi = false; // and the rest only with those four
    bool avx512_vnni = false;
    bool avx512_ifma = false;

    [[nodiscard]] bool operator==(const Features &) const = default;
};

[[nodiscard]] CpuidAnswers ask_cpu();
[[nodiscard]] Features features_of(const CpuidAnswers &answers);

} // namespace dsmil::accel
