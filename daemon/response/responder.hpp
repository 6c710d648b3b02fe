// SPDX-License-Identifier: Apache-2.0
// Follows the ledger and does what the rules say when a device shows an intrusion. On the
// reactor's thread. docs/tpm.md has the whole.
//
// What is done comes first and its record "intrusion" after it: a daemon that dies between
// finds the open decision by reading the last records again, and everything done is the
// same when it is done twice.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/reactor.hpp"
#include "base/worker.hpp"
#include "grants/service.hpp"
#include "ledger/service.hpp"
#include "response/decider.hpp"
#include "response/marks.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace dsmil::response {

// The words that the device's key signs, and what it gave: DER.
using Sign = std::function<void(std::uint16_t device, const std::string &words, Then<Result<Bytes>> then)>;

// How a device stands.
struct Standing {
    bool denied = false;           // no grants for it
    bool quarantine_asked = false; // the root unit was asked
    bool quarantined = false;      // and the kernel recorded it, in this life of the daemon
    std::string rule;              // that acted last, in this life of the daemon
    std::uint64_t record = 0;      // that led to it
};

class Responder {
  public:
    // Records that are looked at again after a start.
    static constexpr std::uint64_t replay_records = 10'000;
    static constexpr std::uint64_t replay_ns = std::uint64_t{600} * 1'000'000'000;
    // For the root unit to do what it was asked.
    static constexpr std::chrono::seconds quarantine_patience{60};
    static constexpr std::size_t max_signed_bytes = 16'384;

    Responder(Reactor &reactor, const Log &log, const Clock &clock, ledger::Service &ledger,
              grants::Service &grants, Sign sign);

    // `state_dir` has "denied.d" and "quarantine.d", which the root unit watches. Blocks,
    // for the start of the daemon.
    [[nodiscard]] Result<void> start(Rules rules, const std::string &state_dir);
    [[nodiscard]] bool stop(std::chrono::milliseconds patience);

    [[nodiscard]] const Rules &rules() const { return decider_.rules(); }
    // Devices with something to tell.
    [[nodiscard]] std::map<std::uint16_t, Standing> standings() const { return standings_; }

    // Grants of the device are given out again, its mark for the root unit goes, and the
    // rules look at it anew; what the kernel quarantined stays so until the module goes.
    // `record` is the caller's, without an action. conflict when there is nothing to clear.
    void clear(std::uint16_t device, ledger::Record record, Then<Result<void>> then);

  private:
    void grown();
    void take(const std::vector<ledger::Record> &records);
    void look_at(const ledger::Record &record);
    void act(const Decision &decision, const ledger::Record &record);
    void deny(std::uint16_t device);
    void ask_quarantine(std::uint16_t device);
    void sign_words(ledger::Record entry, const ledger::Record &about, LogLevel level);
    void keep(ledger::Record entry, LogLevel level);
    void on_disk(std::function<Result<void>()> work, Then<Result<void>> then);

    Reactor &reactor_;
    const Log &log_;
    const Clock &clock_;
    ledger::Service &ledger_;
    grants::Service &grants_;
    Sign sign_;
    Decider decider_;
    Marks denied_marks_;
    Marks quarantine_marks_;
    std::map<std::uint16_t, Standing> standings_;
    std::map<std::uint64_t, ledger::Record> recent_; // those that open decisions are about
    std::vector<Decision> open_;
    std::uint64_t next_ = 0;      // record to be looked at
    std::uint64_t live_from_ = 0; // those before are looked at again
    std::uint64_t oldest_ns_ = 0; // of them, those that may lead to something
    bool reading_ = false;
    bool failed_ = false; // and said so
    Reactor::Timer quarantine_timer_;
    Worker worker_; // last: it uses the others
};

} // namespace dsmil::response
