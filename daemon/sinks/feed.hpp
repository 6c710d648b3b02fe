// SPDX-License-Identifier: Apache-2.0
// Brings a sink what the ledger has, from where it was left, on a thread of its
// own. On the reactor's thread, but for the sink.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/reactor.hpp"
#include "base/worker.hpp"
#include "ledger/service.hpp"
#include "sinks/sink.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::sinks {

enum class State : std::uint8_t {
    current, // it has everything
    sending,
    blocked, // the other side takes nothing
    failed,
};

[[nodiscard]] std::string_view name(State state);

struct Status {
    std::string name;   // "loki"
    std::string target; // where that is
    State state = State::current;
    std::optional<Error> trouble; // why it is blocked or failed
    std::uint64_t position = 0;   // the first record that it has not
    std::uint64_t behind = 0;     // records that wait
    // Since the start:
    std::uint64_t sent = 0;
    std::uint64_t refused = 0;  // that the other side will never take
    std::uint64_t skipped = 0;  // that were pruned before they could be sent
    std::uint64_t failures = 0; // tries that did not work
};

struct FeedOptions {
    std::string name; // a word; the position is kept in <state_dir>/sink-<name>.position
    std::string target;
    std::string state_dir;
    // A try that takes longer is blocked, whether it ends or not.
    std::chrono::milliseconds blocked_after{2'000};
    // Until the next try: doubles from the one to the other.
    std::chrono::milliseconds first_pause{1'000};
    std::chrono::milliseconds max_pause{60'000};
};

class Feed {
  public:
    static constexpr std::uint64_t batch_records = 256;

    Feed(Reactor &reactor, const Log &log, ledger::Service &ledger, FeedOptions options,
         std::unique_ptr<Sink> sink);

    // Reads where it was left. failed, permission: the position cannot be read.
    [[nodiscard]] Result<void> start();
    // There may be something new.
    void hear();
    [[nodiscard]] Status status() const;
    // Ends what is under way; false when the thread hangs.
    [[nodiscard]] bool stop(std::chrono::milliseconds patience);

  private:
    [[nodiscard]] std::uint64_t end() const; // how far it could be
    [[nodiscard]] std::string position_path() const;
    void next();
    void read();
    void send(std::vector<ledger::Record> records);
    void sent(std::uint64_t records, Result<Delivery> delivery);
    void trouble(State state, Error why);

    Reactor &reactor_;
    const Log &log_;
    ledger::Service &ledger_;
    FeedOptions options_;
    std::unique_ptr<Sink> sink_;
    Status status_;
    bool busy_ = false;   // reading or sending
    bool paused_ = false; // until the next try
    std::chrono::milliseconds pause_{0};
    Reactor::Timer pause_timer_;
    Reactor::Timer blocked_timer_;
    Worker worker_; // last: it uses the others
};

} // namespace dsmil::sinks
