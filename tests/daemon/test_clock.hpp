// SPDX-License-Identifier: Apache-2.0
// A clock that stands until the test moves it.
#pragma once

#include "base/clock.hpp"

#include <cstdint>

namespace dsmil::test {

inline constexpr std::uint64_t second_ns = 1'000'000'000;

class TestClock final : public Clock {
  public:
    [[nodiscard]] std::uint64_t boottime_ns() const override { return boottime; }
    [[nodiscard]] std::uint64_t realtime_ns() const override { return realtime; }
    void pass(std::uint64_t seconds) {
        boottime += seconds * second_ns;
        realtime += seconds * second_ns;
    }
    std::uint64_t boottime = 100'000 * second_ns;
    std::uint64_t realtime = 1'700'000'000 * second_ns;
};

} // namespace dsmil::test
