// SPDX-License-Identifier: Apache-2.0
#include "base/clock.hpp"

#include <ctime>

namespace dsmil {
namespace {

std::uint64_t now(clockid_t which) {
    timespec time{};
    clock_gettime(which, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(time.tv_nsec);
}

class SystemClock final : public Clock {
  public:
    [[nodiscard]] std::uint64_t boottime_ns() const override { return now(CLOCK_BOOTTIME); }
    [[nodiscard]] std::uint64_t realtime_ns() const override { return now(CLOCK_REALTIME); }
};

} // namespace

const Clock &system_clock() {
    static const SystemClock clock;
    return clock;
}

} // namespace dsmil
