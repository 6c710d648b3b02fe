// SPDX-License-Identifier: Apache-2.0
// Asks machines that do not come by themselves: enrols each and has it attest, at
// an interval. Some threads, since the network is slow and TPMs are slower.
#pragma once

#include "https/client.hpp"
#include "verifierd/api.hpp"

#include <map>

namespace dsmil::verifierd {

struct PollerOptions {
    std::map<std::string, Address, std::less<>> machines;
    std::chrono::seconds interval{60};
    std::chrono::seconds patience{30}; // for one request to a machine
    std::size_t parallel = 4;
    std::uint64_t max_evidence_bytes = 32U << 20U;
};

class Poller {
  public:
    Poller(Reactor &reactor, const Log &log, const https::TlsContext &tls, Api &api, PollerOptions options);
    ~Poller();
    Poller(const Poller &) = delete;
    Poller &operator=(const Poller &) = delete;

    void start(); // spreads the first round over the interval
    // False if a thread hangs.
    [[nodiscard]] bool stop(std::chrono::milliseconds patience);

  private:
    struct Turn {
        std::string machine;
        Address address;
        bool under_way = false;
        bool failing = false; // was said in the log
        Reactor::Timer timer;
    };
    void ask(Turn &turn);
    void asked(Turn &turn, const Result<Record> &record);
    Reactor &reactor_;
    const Log &log_;
    const https::TlsContext &tls_;
    Api &api_;
    PollerOptions options_;
    std::vector<std::unique_ptr<Turn>> turns_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::size_t next_worker_ = 0;
    bool stopping_ = false;
};

// One machine, once: enrolled if it is not yet, and asked up to max_attempts times. Blocks.
[[nodiscard]] Result<Record> pull(const https::TlsContext &tls, Api &api, const std::string &machine,
                                  const Address &address, const PollerOptions &options);

} // namespace dsmil::verifierd
