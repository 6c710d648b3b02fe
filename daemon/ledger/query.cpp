// SPDX-License-Identifier: Apache-2.0
#include "ledger/query.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <format>

namespace dsmil::ledger {
namespace {

constexpr unsigned last_year = 2261; // of which every nanosecond fits into 63 bits
constexpr std::uint64_t nanoseconds = 1'000'000'000;
constexpr std::size_t max_fraction = 9; // digits

// The parts of a time, one after the other.
class TimeText {
  public:
    explicit TimeText(std::string_view text) : rest_(text) {}

    // `count` digits up to `highest`.
    bool number(std::size_t count, unsigned highest, unsigned &value) {
        const auto digits = rest_.substr(0, count);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (digits.size() != count || error != std::errc{} || end != digits.data() + count ||
            value > highest) {
            return false;
        }
        rest_.remove_prefix(count);
        return true;
    }
    bool literal(char c) {
        if (!rest_.starts_with(c)) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }
    // What follows a second's point, as nanoseconds.
    bool fraction(std::uint64_t &value) {
        const auto end = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
        if (end == 0 || end > max_fraction) {
            return false;
        }
        std::uint64_t scale = nanoseconds;
        for (const char digit : rest_.substr(0, end)) {
            scale /= 10;
            value += static_cast<std::uint64_t>(digit - '0') * scale;
        }
        rest_.remove_prefix(end);
        return true;
    }
    [[nodiscard]] bool done() const { return rest_.empty(); }

  private:
    std::string_view rest_;
};

Result<void> take_time(const std::string &name, const std::string &text, std::uint64_t &place) {
    const auto time = parse_time(text);
    if (!time) {
        return fail(Code::usage, std::format("{} must be a day or a moment in UTC, such as 2026-01-31 or "
                                             "2026-01-31T12:30:00Z",
                                             name));
    }
    place = *time;
    return {};
}

template <typename Number>
Result<void> take_number(const std::string &name, const std::string &text, std::optional<Number> &place) {
    const bool hex = text.starts_with("0x");
    const std::string_view digits = std::string_view(text).substr(hex ? 2 : 0);
    Number value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
        return fail(Code::usage,
                    std::format("{} must be a number up to {}", name, std::numeric_limits<Number>::max()));
    }
    place = value;
    return {};
}

bool has_text(const std::vector<Field> &fields, const std::string &text) {
    return std::ranges::any_of(fields, [&](const Field &field) {
        if (const auto *words = std::get_if<std::string>(&field.value)) {
            return words->contains(text);
        }
        const auto *bytes = std::get_if<Bytes>(&field.value);
        return bytes != nullptr && to_hex(*bytes).contains(text);
    });
}

bool has_text(const Record &record, const std::string &text) {
    return record.source.contains(text) || record.action.contains(text) || record.outcome.contains(text) ||
           (record.actor && record.actor->comm.contains(text)) || has_text(record.values, text) ||
           has_text(record.context, text);
}

template <typename T, typename Have>
bool holds(const std::optional<T> &wanted, const Have &have) {
    return !wanted || have == *wanted;
}

} // namespace

std::optional<std::uint64_t> parse_time(std::string_view text) {
    TimeText at(text);
    unsigned year = 0;
    unsigned month = 0;
    unsigned day = 0;
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    std::uint64_t fraction = 0;
    if (!at.number(4, last_year, year) || year < 1970 || !at.literal('-') || !at.number(2, 12, month) ||
        !at.literal('-') || !at.number(2, 31, day)) {
        return std::nullopt;
    }
    if (!at.done() && (!at.literal('T') || !at.number(2, 23, hour) || !at.literal(':') ||
                       !at.number(2, 59, minute) || !at.literal(':') || !at.number(2, 59, second) ||
                       (at.literal('.') && !at.fraction(fraction)) || !at.literal('Z') || !at.done())) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                           std::chrono::month(month), std::chrono::day(day)};
    if (!date.ok()) {
        return std::nullopt;
    }
    const auto moment = std::chrono::sys_days(date) + std::chrono::hours(hour) +
                        std::chrono::minutes(minute) + std::chrono::seconds(second);
    return static_cast<std::uint64_t>(moment.time_since_epoch().count()) * nanoseconds + fraction;
}

Result<Query> Query::parse(const std::map<std::string, std::string> &parameters) {
    Query query;
    Result<void> taken;
    for (auto at = parameters.begin(); taken && at != parameters.end(); ++at) {
        const auto &[name, value] = *at;
        if (name == "since") {
            taken = take_time(name, value, query.since_ns);
        } else if (name == "until") {
            taken = take_time(name, value, query.until_ns);
        } else if (name == "device") {
            taken = take_number(name, value, query.device_id);
        } else if (name == "uid") {
            taken = take_number(name, value, query.uid);
        } else if (name == "pid") {
            taken = take_number(name, value, query.pid);
        } else if (name == "comm") {
            query.comm = value;
        } else if (name == "action") {
            query.action = value;
        } else if (name == "outcome") {
            query.outcome = value;
        } else if (name == "source") {
            query.source = value;
        } else if (name == "text") {
            query.text = value;
        }
    }
    return taken ? Result<Query>(std::move(query)) : std::unexpected(std::move(taken.error()));
}

bool Query::matches(const Record &record) const {
    if (record.realtime_ns < since_ns || record.realtime_ns >= until_ns ||
        !holds(device_id, record.device_id) || !holds(action, record.action) ||
        !holds(outcome, record.outcome) || !holds(source, record.source)) {
        return false;
    }
    if ((uid || pid || comm) && !record.actor) {
        return false;
    }
    return (!record.actor || (holds(uid, record.actor->uid) && holds(pid, record.actor->pid) &&
                              holds(comm, record.actor->comm))) &&
           (!text || has_text(record, *text));
}

} // namespace dsmil::ledger
