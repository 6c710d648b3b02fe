// SPDX-License-Identifier: Apache-2.0
// Notices that the clock which dates the records was set back. Steps of less than
// a second are those of a time service at work and are passed over.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace dsmil::ledger {

class ClockWatch {
  public:
    static constexpr std::chrono::nanoseconds tolerance = std::chrono::seconds(1);

    // The newest record is of `newest_ns`, zero when there is none. How far behind it the clock is.
    [[nodiscard]] std::optional<std::chrono::nanoseconds>
    begin(std::uint64_t boottime_ns, std::uint64_t realtime_ns, std::uint64_t newest_ns) {
        offset_ = offset(boottime_ns, realtime_ns);
        return beyond(std::chrono::nanoseconds(newest_ns) - std::chrono::nanoseconds(realtime_ns));
    }

    // How far it was set back since the last look. CLOCK_BOOTTIME does not go back.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> look(std::uint64_t boottime_ns,
                                                               std::uint64_t realtime_ns) {
        const auto before = offset_;
        offset_ = offset(boottime_ns, realtime_ns);
        return beyond(before - offset_);
    }

  private:
    static std::chrono::nanoseconds offset(std::uint64_t boottime_ns, std::uint64_t realtime_ns) {
        return std::chrono::nanoseconds(realtime_ns) - std::chrono::nanoseconds(boottime_ns);
    }
    static std::optional<std::chrono::nanoseconds> beyond(std::chrono::nanoseconds back) {
        return back > tolerance ? std::optional(back) : std::nullopt;
    }

    std::chrono::nanoseconds offset_{};
};

} // namespace dsmil::ledger
