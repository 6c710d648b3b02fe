// SPDX-License-Identifier: Apache-2.0
// Follows the kernel's audit and appends what is about the platform to the
// ledger. On the reactor's thread.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/reactor.hpp"
#include "dsmil/fd.hpp"
#include "ingest/audit_events.hpp"
#include "ledger/service.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dsmil::ingest {

struct AuditCounts {
    std::uint64_t lines = 0;     // that came
    std::uint64_t malformed = 0; // of them
    std::uint64_t records = 0;   // that the ledger took
    std::uint64_t lost = 0; // records for which there was no room; lines that the kernel dropped at least
};

class AuditSource {
  public:
    // So many of its records may wait for the ledger, so that a flood of audit reaches neither
    // the ring's records nor the memory.
    static constexpr std::size_t max_waiting = 1'024;
    // And so many a minute are kept.
    static constexpr std::uint64_t max_per_minute = 6'000;

    AuditSource(Reactor &reactor, const Log &log, const Clock &clock, ledger::Service &ledger);

    // The socket of auditd's af_unix plugin: connects, and again when it goes away.
    void follow_socket(std::string path);
    // The kernel's multicast, from a socket that is bound to it.
    void follow_kernel(Fd socket);
    void stop();
    [[nodiscard]] const AuditCounts &counts() const { return counts_; }

  private:
    void connect();
    void retry(const Error &why);
    void watch();
    void read_socket();
    void read_kernel();
    void hear(std::optional<AuditLine> line);
    void keep(const std::vector<AuditLine> &event);
    void lose(std::uint64_t count);
    void append();

    Reactor &reactor_;
    const Log &log_;
    const Clock &clock_;
    ledger::Service &ledger_;
    std::string path_; // empty: the kernel's
    Fd fd_;
    std::optional<Reactor::Watch> watch_;
    Reactor::Timer retry_timer_;
    std::chrono::milliseconds pause_{0};
    std::string rest_;      // a line whose end did not come yet
    bool skipping_ = false; // the rest of one that is too long
    AuditEvents events_;
    std::vector<ledger::Record> waiting_;
    std::uint64_t lost_ = 0; // since the last record that tells
    bool appending_ = false;
    std::uint64_t minute_ = 0;
    std::uint64_t this_minute_ = 0;
    AuditCounts counts_;
};

} // namespace dsmil::ingest
