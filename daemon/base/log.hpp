// SPDX-License-Identifier: Apache-2.0
// The log: one JSON object a line on stderr, or fields in the journal. Logging
// is for the edges; what belongs to the ledger goes there.
#pragma once

#include "dsmil/error.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dsmil {

enum class LogLevel : std::uint8_t { debug, info, warning, error };
enum class LogTarget : std::uint8_t { automatic, standard_error, journal };

[[nodiscard]] std::string_view name(LogLevel level);

struct LogEvent {
    LogLevel level = LogLevel::info;
    std::string_view event_type; // a stable word: "ledger_opened"
    std::string message;         // a sentence for people
    // Without the initializer GCC warns at each event that leaves it out.
    // NOLINTNEXTLINE(readability-redundant-member-init)
    std::vector<std::pair<std::string, std::string>> context = {};
    std::string_view service = "dsmild";
    std::optional<std::uint16_t> device_id = std::nullopt;
    std::optional<std::uint8_t> layer = std::nullopt;
};

// Any thread may log.
class Log {
  public:
    using Sink = std::function<void(const LogEvent &)>;
    Log(LogTarget target, LogLevel threshold);
    Log(Sink sink, LogLevel threshold) : sink_(std::move(sink)), threshold_(threshold) {}

    void write(const LogEvent &event) const;
    // The error with its causes as context.
    void write_error(LogLevel level, std::string_view event_type, const Error &error) const;

  private:
    Sink sink_;
    LogLevel threshold_;
};

// The line of an event without its newline; `time` as RFC 3339.
[[nodiscard]] std::string log_line(const LogEvent &event, std::string_view time);

} // namespace dsmil
