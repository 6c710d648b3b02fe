// SPDX-License-Identifier: Apache-2.0
// How many refused requests of a user become records one by one: any reader may ask, and
// a flood must not fill the ledger. The rest is counted. Pure: no clock, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace dsmil::grants {

class Denials {
  public:
    static constexpr unsigned max_records = 8; // of a user in a window
    static constexpr std::uint64_t window_ns = std::uint64_t{60} * 1'000'000'000;
    static constexpr std::size_t max_users = 64; // that are told apart; the others share a count

    enum class Verdict : std::uint8_t {
        record,
        record_last, // with the remark that what follows in this window is counted
        count,
    };
    // A refusal of `uid` at `now` (CLOCK_BOOTTIME).
    [[nodiscard]] Verdict note(std::uint32_t uid, std::uint64_t now);

    struct Held {
        std::optional<std::uint32_t> uid; // nothing: of users beyond max_users
        std::uint64_t count = 0;
        std::uint64_t first_ns = 0;
        std::uint64_t last_ns = 0;
    };
    // What was counted in windows that are over, and is forgotten here with that: it is the
    // caller's now, until it is durable or given back.
    [[nodiscard]] std::vector<Held> take(std::uint64_t now);
    [[nodiscard]] std::vector<Held> take_all();
    void give_back(const Held &held);

    // When the next window with a count is over; nothing when nothing is counted.
    [[nodiscard]] std::optional<std::uint64_t> due() const;

  private:
    struct User {
        std::optional<std::uint32_t> uid;
        std::uint64_t since_ns = 0;
        unsigned records = 0;
        Held held;
    };
    [[nodiscard]] User &user(std::optional<std::uint32_t> uid, std::uint64_t now);
    [[nodiscard]] static bool is_over(const User &user, std::uint64_t now) {
        return user.since_ns + window_ns <= now;
    }

    std::vector<User> users_;
};

} // namespace dsmil::grants
