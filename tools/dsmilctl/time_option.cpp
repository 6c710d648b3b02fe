// SPDX-License-Identifier: Apache-2.0
#include "time_option.hpp"

#include "base/clock.hpp"
#include "text.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace dsmilctl {
namespace {

constexpr std::uint64_t nanoseconds = 1'000'000'000;

struct Unit {
    std::string_view name;
    std::uint64_t seconds;
};
constexpr std::array<Unit, 4> units = {{{"s", 1}, {"min", 60}, {"h", 3'600}, {"d", 86'400}}};

} // namespace

std::string moment(const std::string &text) {
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const std::string_view rest(end, text.data() + text.size());
    const std::uint64_t now = dsmil::system_clock().realtime_ns();
    for (const auto &unit : units) {
        if (error == std::errc{} && rest == unit.name && count <= now / nanoseconds / unit.seconds) {
            return utc(now - count * unit.seconds * nanoseconds);
        }
    }
    return text;
}

} // namespace dsmilctl
