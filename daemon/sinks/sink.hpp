// SPDX-License-Identifier: Apache-2.0
// Where records go besides the ledger. What a sink does never holds up the
// ledger: each has a feed (feed.hpp) with a thread of its own.
#pragma once

#include "dsmil/error.hpp"
#include "ledger/record.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace dsmil::sinks {

struct Delivery {
    std::uint64_t next = 0;    // the first record that it has not
    std::uint64_t refused = 0; // how many the other side will never take
};

class Sink {
  public:
    Sink() = default;
    virtual ~Sink() = default;
    Sink(const Sink &) = delete;
    Sink &operator=(const Sink &) = delete;

    // Takes all of them, in order, or says why not: try_again when the other side takes nothing for
    // now (it is blocked), any other code when it fails. After an error they come again, so that the
    // other side may get some twice; their sequence tells. Blocks, within limits.
    [[nodiscard]] virtual Result<Delivery> send(std::span<const ledger::Record> records) = 0;

    // A sink of checkpoints reads the ledger itself: it is asked to send no records when there is a
    // new checkpoint, and says what that covered.
    [[nodiscard]] virtual bool of_checkpoints() const { return false; }

    // From any thread, once: a send() that is under way ends soon.
    virtual void cancel() {}
};

// Fields in the journal of systemd (DSMIL_SEQUENCE, DSMIL_ACTION, ...).
[[nodiscard]] std::unique_ptr<Sink> journald_sink();

// RFC 3164 messages, as syslog(3) sends them, to a Unix datagram socket.
[[nodiscard]] std::unique_ptr<Sink> syslog_sink(std::string path);

// A file with a JSON object a line, in the form of the API. It may be renamed at any time: the next
// line makes a new one.
[[nodiscard]] std::unique_ptr<Sink> json_lines_sink(std::string path);

// A folder of C2SP tlog-tiles that follows the ledger, file by file, as an object store takes them.
[[nodiscard]] std::unique_ptr<Sink> tiles_sink(std::string ledger, std::string directory);

// Grafana Loki's push API, over plain HTTP: http://HOST[:PORT]/PATH. config_invalid for anything else.
[[nodiscard]] Result<std::unique_ptr<Sink>> loki_sink(const std::string &url, std::string origin);

} // namespace dsmil::sinks
