// SPDX-License-Identifier: Apache-2.0
// What this processor can do at most, measured: its clock, and how many of the
// instructions that count it finishes in a cycle. Limits are computed from them.
#pragma once

namespace bench {

// GHz, by a chain of multiplications that each wait for the one before (3 cycles).
[[nodiscard]] double clock_ghz();

// Prints the clock and, with AVX-512, the rates.
void print_rates(bool avx512);

// The least that a block of one of sixteen messages can take: 1,720 operations, of which 672 are
// rotations or shifts, at the rates measured (docs/benchmarks.md).
[[nodiscard]] double sha256_limit_ns();

// In a file of its own, with its flags: instructions a cycle is count / (ns * clock).
struct Rate {
    double instructions;
    void (*run)();
};
[[nodiscard]] Rate rotations_avx512();
[[nodiscard]] Rate additions_avx512();
[[nodiscard]] Rate mixed_avx512(); // additions, logic and rotations as SHA-256 has them

} // namespace bench
