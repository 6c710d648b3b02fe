// SPDX-License-Identifier: Apache-2.0
// Time is injected, so that tests need not wait for it.
#pragma once

#include <cstdint>

namespace dsmil {

class Clock {
  public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual std::uint64_t boottime_ns() const = 0; // CLOCK_BOOTTIME
    [[nodiscard]] virtual std::uint64_t realtime_ns() const = 0; // CLOCK_REALTIME
};

// The kernel's clocks; lives for ever, any thread.
[[nodiscard]] const Clock &system_clock();

} // namespace dsmil
