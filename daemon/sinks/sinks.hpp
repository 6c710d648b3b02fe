// SPDX-License-Identifier: Apache-2.0
// The sinks of the configuration, each with its feed.
#pragma once

#include "sinks/feed.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace dsmil::sinks {

// Empty, or false: there is none of the kind.
struct SinkOptions {
    bool journald = false;
    std::string syslog;     // path of a socket
    std::string json_lines; // path of a file
    std::string loki;       // URL
    std::string tiles;      // folder
};

// config_invalid: a URL that is none.
[[nodiscard]] Result<void> check(const SinkOptions &options);

class Sinks {
  public:
    Sinks(Reactor &reactor, const Log &log, ledger::Service &ledger)
        : reactor_(reactor), log_(log), ledger_(ledger) {}

    // After the ledger has started.
    [[nodiscard]] Result<void> start(const SinkOptions &options, const std::string &state_dir,
                                     const std::string &ledger_path);
    [[nodiscard]] std::vector<Status> status() const;
    [[nodiscard]] bool stop(std::chrono::milliseconds patience);

  private:
    [[nodiscard]] Result<void> add(FeedOptions options, std::unique_ptr<Sink> sink);

    Reactor &reactor_;
    const Log &log_;
    ledger::Service &ledger_;
    std::vector<std::unique_ptr<Feed>> feeds_;
};

} // namespace dsmil::sinks
