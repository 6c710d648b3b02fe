// SPDX-License-Identifier: Apache-2.0
// Events of the kernel (struct dsmil_event) in the words that every program uses.
#pragma once

#include <cstdint>
#include <linux/dsmil.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dsmil {

// The word for a number of the ABI; none for one of a newer kernel.
[[nodiscard]] std::optional<std::string_view> event_word(std::uint32_t type);    // "read", "batch_part"
[[nodiscard]] std::optional<std::string_view> risk_word(std::uint32_t risk);     // "safe" ...
[[nodiscard]] std::optional<std::string_view> reason_word(std::uint32_t reason); // "alias" ...
[[nodiscard]] std::optional<std::string_view> firmware_word(std::uint32_t kind); // "none" "dell" "sim"

// Of a BATCH_PART: what it lists, at most DSMIL_EVENT_OPERATIONS. Empty for other types.
[[nodiscard]] std::span<const dsmil_event_operation> operations_of(const dsmil_event &event);

// "ok", "refused" (by the guard) or "failed".
[[nodiscard]] std::string_view outcome_of(const dsmil_event_operation &operation);

// "write 0x8010 value 0x00000001 ok", "write 0x801C value 0x00000001 refused quarantined",
// "read 0x8010 failed -5"; "-" in the place of a token that the operation did not name.
[[nodiscard]] std::string describe(const dsmil_event_operation &operation);

} // namespace dsmil
