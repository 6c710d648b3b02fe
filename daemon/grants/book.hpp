// SPDX-License-Identifier: Apache-2.0
// The requests for grants and what became of them. Pure: no clock, no keys, no I/O.
#pragma once

#include "dsmil/error.hpp"

#include <cstdint>
#include <linux/dsmil.h>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::grants {

enum class State : std::uint8_t {
    waiting,  // for the approver's signature
    approved, // has it, or needs none: whoever asked may have the grant
    issued,   // was given out; the kernel takes it once, until it expires
    revoked,
    expired, // before it was given out
};
[[nodiscard]] std::string_view name(State state); // "waiting" ...

// What is being done to it, until the ledger has it.
enum class Step : std::uint8_t { none, request, approval, issue };

struct Entry {
    std::string id; // the first half of the nonce in hexadecimal
    State state = State::waiting;
    std::string rule;
    std::string approver; // empty: the daemon's signature is enough
    std::uint32_t uid = 0;
    dsmil_grant_body body{};
    std::string approval; // the approver's signature, DER
    Step step = Step::none;
};

class Book {
  public:
    static constexpr std::size_t max_open = 64;     // waiting or approved
    static constexpr std::size_t max_open_user = 8; // of one user
    static constexpr std::size_t max_ended = 128;   // that are remembered; the oldest go
    static constexpr std::uint64_t day_ns = std::uint64_t{24} * 3'600'000'000'000;

    // try_again when too many are open.
    [[nodiscard]] Result<void> may_add(std::uint32_t uid) const;

    // Each step begins, and ends with settle() when the ledger has it, or with give_up()
    // when it cannot be. What is being added takes a place and is not there yet for anybody
    // else; what is being given out is open, is nobody else's, and stays when it expires.
    void add(Entry entry);
    // conflict, with the state, unless it waits.
    [[nodiscard]] Result<void> approve(std::string_view id, std::string signature);
    // conflict unless it is approved (grant_pending while it waits).
    [[nodiscard]] Result<void> issue(std::string_view id);
    // conflict when it was revoked or expired meanwhile.
    [[nodiscard]] Result<void> settle(std::string_view id);
    void give_up(std::string_view id);

    // not_found when there is none.
    [[nodiscard]] Result<const Entry *> find(std::string_view id) const;
    [[nodiscard]] std::vector<Entry> list() const; // the newest first
    // At once. conflict when it was given out, is about to be, or has ended.
    [[nodiscard]] Result<void> revoke(std::string_view id);

    // What is past its end (CLOCK_BOOTTIME) expires.
    void expire(std::uint64_t boottime_ns);

    // Uses of a rule: what was given out in the day before now (CLOCK_REALTIME), and what
    // is open.
    void note_use(std::string_view rule, std::uint64_t realtime_ns);
    [[nodiscard]] std::size_t uses(std::string_view rule, std::uint64_t realtime_ns) const;

  private:
    [[nodiscard]] Entry *seek(std::string_view id);
    void forget_ended();

    std::vector<Entry> entries_;                                            // in the order they came
    std::map<std::string, std::vector<std::uint64_t>, std::less<>> issued_; // of each rule, when
};

} // namespace dsmil::grants
