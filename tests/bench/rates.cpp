// SPDX-License-Identifier: Apache-2.0
#include "rates.hpp"

#include "interleave.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <format>

namespace bench {
namespace {

constexpr double multiply_latency = 3; // cycles, on all x86-64 of the last ten years

double per_cycle(const Rate &rate, double ghz) {
    const auto spent = measure({{"", rate.run}}, 15, 1e6);
    return rate.instructions / (spent[0] * ghz);
}

struct Rates {
    double ghz;
    double rotations;
    double additions;
    double mixed;
};

const Rates &rates() {
    static const Rates measured = [] {
        const double ghz = clock_ghz();
        return Rates{ghz, per_cycle(rotations_avx512(), ghz), per_cycle(additions_avx512(), ghz),
                     per_cycle(mixed_avx512(), ghz)};
    }();
    return measured;
}

} // namespace

double clock_ghz() {
    constexpr int steps = 100000;
    static std::uint64_t value = 3;
    const auto spent = measure({{"",
                                 [] {
                                     std::uint64_t x = value;
                                     for (int i = 0; i < steps; i++) {
                                         asm volatile("imul %0, %0" : "+r"(x));
                                     }
                                     value = x;
                                 }}},
                               15, 1e6);
    return steps * multiply_latency / spent[0];
}

double sha256_limit_ns() {
    constexpr double operations = 1720;
    constexpr double shifts = 672;
    constexpr double lanes = 16;
    const double cycles = std::max(operations / rates().additions, shifts / rates().rotations);
    return cycles / rates().ghz / lanes;
}

void print_rates(bool avx512) {
    if (!avx512) {
        std::puts(std::format("clock {:.2f} GHz", clock_ghz()).c_str());
        return;
    }
    std::puts(
        std::format("clock {:.2f} GHz; 512-bit instructions a cycle: {:.2f} additions, {:.2f} rotations, "
                    "{:.2f} in SHA-256's mixture",
                    rates().ghz, rates().additions, rates().rotations, rates().mixed)
            .c_str());
}

} // namespace bench
