// SPDX-License-Identifier: Apache-2.0
// The object graph of dsmil-verifierd: what there is, in which order it starts and
// how it ends.
#pragma once

#include "base/clock.hpp"
#include "verifierd/config.hpp"
#include "verifierd/poller.hpp"

namespace dsmil::verifierd {

class Daemon {
  public:
    // For what is under way; what is acknowledged is safe whether it is enough or not.
    static constexpr std::chrono::seconds stop_patience{10};

    // `notify` gets what sd_notify(3) takes.
    Daemon(Config config, const Log &log, const Clock &clock, std::function<void(const std::string &)> notify)
        : config_(std::move(config)), log_(log), clock_(clock), notify_(std::move(notify)),
          watchdog_(reactor_), guard_(reactor_) {}

    // Reads every file that the configuration names: config_invalid. start() does the same.
    [[nodiscard]] static Result<void> check(const Config &config);

    [[nodiscard]] Result<void> start();

    enum class End : std::uint8_t {
        orderly,
        hung, // a thread hangs: end the process without destroying this
    };
    // Works until SIGTERM or SIGINT.
    [[nodiscard]] End run();

  private:
    struct Files {
        https::TlsContext server;
        https::TlsContext client;
        Fleet fleet;
        std::vector<attest::CertificatePointer> roots;
    };
    [[nodiscard]] static Result<Files> read_files(const Config &config);
    [[nodiscard]] Result<Bytes> token_key() const;
    [[nodiscard]] Result<void> start_service(Files &files);
    void start_poller(std::map<std::string, Address, std::less<>> machines);
    void watchdog();
    void stop();

    Config config_;
    const Log &log_;
    const Clock &clock_;
    std::function<void(const std::string &)> notify_;
    bool stopping_ = false;

    // In the order in which they use each other.
    Reactor reactor_;
    Reactor::Timer watchdog_;
    Reactor::Timer guard_;
    Fd lock_;
    std::optional<https::TlsContext> client_tls_;
    std::unique_ptr<Api> api_;
    std::unique_ptr<https::Server> server_;
    std::unique_ptr<Poller> poller_;
};

} // namespace dsmil::verifierd
