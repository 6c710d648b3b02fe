// SPDX-License-Identifier: Apache-2.0
// The three tiers of the engine, and which of them this process uses.
//
//   reference  plain x86-64, the measure of the others
//   avx2       256-bit vectors, with SHA-NI, VAES and AVX-VNNI each where the
//              processor has it
//   avx512     512-bit vectors (F, BW, DQ, VL)
//
// The best that the processor has is used. DSMIL_ACCEL_TIER forces another, for
// tests and for measuring; one that the processor lacks is an error, not a
// silent step down.
#pragma once

#include "accel/cpu.hpp"
#include "dsmil/error.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace dsmil::accel {

enum class Tier : std::uint8_t { reference, avx2, avx512 };

inline constexpr std::array all_tiers = {Tier::reference, Tier::avx2, Tier::avx512};
inline constexpr const char *tier_variable = "DSMIL_ACCEL_TIER";

[[nodiscard]] std::string_view name_of(Tier tier);
[[nodiscard]] bool has_tier(const Features &features, Tier tier);
[[nodiscard]] Tier best_tier(const Features &features);

// The tier of that name, or the best for "auto" and for nothing. usage: there is no such name, or
// the processor lacks it.
[[nodiscard]] Result<Tier> choose_tier(const Features &features, std::string_view name);

// This processor, asked once.
[[nodiscard]] const Features &features();
// choose_tier() with DSMIL_ACCEL_TIER, asked once. Programs check it at their start.
[[nodiscard]] const Result<Tier> &selected_tier();
// For library code that has nobody to tell: the selected one, else the best.
[[nodiscard]] Tier tier_or_best();

} // namespace dsmil::accel
