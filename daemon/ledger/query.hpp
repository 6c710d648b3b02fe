// SPDX-License-Identifier: Apache-2.0
// Which records somebody wants to see. Pure.
#pragma once

#include "dsmil/error.hpp"
#include "ledger/record.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace dsmil::ledger {

// What is set must hold; an empty query holds for every record.
struct Query {
    std::uint64_t since_ns = 0;                                         // CLOCK_REALTIME, included
    std::uint64_t until_ns = std::numeric_limits<std::uint64_t>::max(); // not included
    std::optional<std::uint16_t> device_id;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> pid;
    std::optional<std::string> comm;
    std::optional<std::string> action;
    std::optional<std::string> outcome;
    std::optional<std::string> source;
    // Somewhere in a word, a text or the hexadecimal digits of bytes.
    std::optional<std::string> text;

    // From names and values as users give them; usage names what is not right.
    //   since, until   2026-01-31 or 2026-01-31T12:30:00.5Z
    //   device         0x8000 .. 0xFFFF, as records have it
    //   uid, pid       numbers
    //   comm, action, outcome, source, text
    // Other names are left alone.
    [[nodiscard]] static Result<Query> parse(const std::map<std::string, std::string> &parameters);

    [[nodiscard]] bool matches(const Record &record) const;
};

inline constexpr std::array<std::string_view, 10> query_parameters = {
    "since", "until", "device", "uid", "pid", "comm", "action", "outcome", "source", "text",
};

// CLOCK_REALTIME in nanoseconds of a day or a moment (RFC 3339, in UTC), from
// 1970 to 2261; nothing when it is neither.
[[nodiscard]] std::optional<std::uint64_t> parse_time(std::string_view text);

} // namespace dsmil::ledger
