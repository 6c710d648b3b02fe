// SPDX-License-Identifier: Apache-2.0
#include "accel/cpu.hpp"

#include <array>
#include <cpuid.h>
#include <cstring>

namespace dsmil::accel {
namespace {

// Bits of the Intel SDM, volume 2A, CPUID, and of AMD's APM, volume 3, appendix E.
constexpr unsigned osxsave_bit = 27;              // leaf 1 ECX
constexpr std::uint64_t xcr0_ymm = 0x06;          // SSE and AVX state
constexpr std::uint64_t xcr0_zmm = 0xE6;          // and opmask, ZMM_Hi256, Hi16_ZMM
constexpr std::uint32_t brand_first = 0x80000002; // three leaves of 16 characters
constexpr std::uint32_t brand_last = 0x80000004;

bool bit(std::uint32_t word, unsigned number) {
    return ((word >> number) & 1U) != 0;
}

CpuidWords leaf(std::uint32_t number, std::uint32_t subleaf) {
    CpuidWords words;
    if (__get_cpuid_count(number, subleaf, &words.eax, &words.ebx, &words.ecx, &words.edx) == 0) {
        return {};
    }
    return words;
}

std::uint64_t read_xcr0() {
    std::uint32_t low = 0;  // NOLINT(misc-const-correctness): written by the instruction
    std::uint32_t high = 0; // NOLINT(misc-const-correctness)
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (std::uint64_t{high} << 32) | low;
}

std::string brand() {
    std::string text;
    for (std::uint32_t number = brand_first; number <= brand_last; number++) {
        const auto words = leaf(number, 0);
        std::array<char, sizeof(words)> part{};
        std::memcpy(part.data(), &words, sizeof(words));
        text.append(part.data(), part.size());
    }
    text.resize(std::strlen(text.c_str()));
    const auto first = text.find_first_not_of(' ');
    const auto last = text.find_last_not_of(' ');
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

std::string vendor_of(const CpuidWords &basic) {
    std::array<char, 12> text{};
    std::memcpy(text.data(), &basic.ebx, 4);
    std::memcpy(text.data() + 4, &basic.edx, 4);
    std::memcpy(text.data() + 8, &basic.ecx, 4);
    return {text.data(), text.size()};
}

} // namespace

CpuidAnswers ask_cpu() {
    CpuidAnswers answers;
    answers.basic = leaf(0, 0);
    answers.leaf1 = leaf(1, 0);
    answers.leaf7 = leaf(7, 0);
    if (answers.leaf7.eax >= 1) {
        answers.leaf7_1 = leaf(7, 1);
    }
    answers.xcr0 = bit(answers.leaf1.ecx, osxsave_bit) ? read_xcr0() : 0;
    answers.model = brand();
    return answers;
}

Features features_of(const CpuidAnswers &answers) {
    const auto &one = answers.leaf1;
    const auto &seven = answers.leaf7;
    // Without OSXSAVE the system saves no vector state, whatever XCR0 would say.
    const std::uint64_t saved = bit(one.ecx, osxsave_bit) ? answers.xcr0 : 0;
    const bool ymm = (saved & xcr0_ymm) == xcr0_ymm;
    const bool zmm = (saved & xcr0_zmm) == xcr0_zmm;

    Features has;
    has.vendor = vendor_of(answers.basic);
    has.model = answers.model;
    has.sse41 = bit(one.ecx, 19) && bit(one.ecx, 9);
    has.aes = bit(one.ecx, 25);
    has.pclmul = bit(one.ecx, 1);
    has.sha = has.sse41 && bit(seven.ebx, 29);
    has.avx2 = ymm && bit(one.ecx, 28) && bit(one.ecx, 12) && bit(seven.ebx, 5) && bit(seven.ebx, 8);
    has.vaes = has.avx2 && has.aes && bit(seven.ecx, 9);
    has.vpclmul = has.avx2 && bit(seven.ecx, 10);
    has.avx_vnni = has.avx2 && bit(answers.leaf7_1.eax, 4);
    has.avx512 = has.avx2 && zmm && bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 30) &&
                 bit(seven.ebx, 31);
    has.avx512_vbmi = has.avx512 && bit(seven.ecx, 1);
    has.avx512_vnni = has.avx512 && bit(seven.ecx, 11);
    has.avx512_ifma = has.avx512 && bit(seven.ebx, 21);
    return has;
}

} // namespace dsmil::accel
