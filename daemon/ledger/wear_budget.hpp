// SPDX-License-Identifier: Apache-2.0
// How often the TPM's memory may be written, which wears out. However many ask,
// in no 24 hours more than the day's number get: a burst of a fifth of them,
// and the rest one after the other over the day.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <span>

namespace dsmil::ledger {

// Times are those of a clock that does not go back, such as CLOCK_BOOTTIME; they may be before its zero.
using SteadyTime = std::chrono::nanoseconds;

class WearBudget {
  public:
    // 5 a day or more; 0: none at all.
    explicit WearBudget(unsigned per_day);

    // Those of an earlier life, the oldest first.
    void remember(std::span<const SteadyTime> past);

    // One of them, now; false when that would be too many.
    [[nodiscard]] bool take(SteadyTime now);

    [[nodiscard]] unsigned per_day() const { return per_day_; }
    [[nodiscard]] unsigned burst() const { return burst_; }
    [[nodiscard]] unsigned left(SteadyTime now) const;                 // at once
    [[nodiscard]] unsigned used(SteadyTime now) const;                 // in the last 24 hours
    [[nodiscard]] std::chrono::nanoseconds wait(SteadyTime now) const; // until there is one

  private:
    void spend(SteadyTime now);

    unsigned per_day_;
    unsigned burst_;
    std::chrono::nanoseconds each_;         // between two, in the long run
    SteadyTime due_{SteadyTime::min() / 2}; // when all that were taken would have come one after the other
    std::deque<SteadyTime> taken_;          // in the last 24 hours, not more than per_day_
};

} // namespace dsmil::ledger
