// SPDX-License-Identifier: Apache-2.0
// Carries events from the audit ring to the ledger: reads a batch, appends it,
// and acknowledges it only when it is durable. One batch is on its way at a
// time; while it is, the ring collects the next. Reactor's thread.
#pragma once

#include "base/log.hpp"
#include "base/reactor.hpp"
#include "device/ring.hpp"
#include "ledger/service.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace dsmil {

class Follower {
  public:
    static constexpr std::size_t batch_records = 512;
    // After an error (full disk, firmware away), before the next try.
    static constexpr std::chrono::milliseconds retry_pause{1'000};

    Follower(Reactor &reactor, const Log &log, ledger::Service &ledger, std::unique_ptr<Ring> ring,
             std::chrono::milliseconds pause = retry_pause);

    void start();
    // Takes what the ring still has, then calls back; at once when the last try failed.
    void drain(Task then);

  private:
    void listen();
    void pause();
    void take_batch();
    void append();
    void kept();
    void idle();
    void report(std::string_view event_type, const Error &error);

    const Log &log_;
    ledger::Service &ledger_;
    Id128 boot_id_;
    std::unique_ptr<Ring> ring_;
    std::chrono::milliseconds pause_;
    Reactor::Watch watch_; // after ring_, whose descriptor it watches
    Reactor::Timer retry_;
    std::vector<ledger::Record> batch_; // read, not yet durable
    std::uint64_t up_to_ = 0;           // what to acknowledge then
    bool busy_ = false;                 // an append is on its way
    bool woken_ = false;                // by the descriptor, and no record came yet
    Code trouble_ = Code::internal;     // the last error that was logged
    bool in_trouble_ = false;
    Task drained_;
};

} // namespace dsmil
