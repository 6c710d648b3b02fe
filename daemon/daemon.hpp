// SPDX-License-Identifier: Apache-2.0
// The object graph of dsmild: what there is, in which order it starts and how
// it ends.
#pragma once

#include "api/server.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/reactor.hpp"
#include "config/config.hpp"
#include "device/follower.hpp"
#include "device/ring.hpp"
#include "grants/service.hpp"
#include "ingest/audit_source.hpp"
#include "ledger/service.hpp"
#include "response/responder.hpp"
#include "sinks/sinks.hpp"
#include "tpm/notary.hpp"
#include "tpm/secrets.hpp"
#include "tpm/service.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace dsmil {

// The TPM's key for grants, as who issues them sees it.
class GrantSigner final : public ledger::Signer {
  public:
    explicit GrantSigner(tpm::Service &tpm) : tpm_(tpm) {}
    [[nodiscard]] std::optional<Bytes> public_key() const override { return tpm_.grant_key(); }
    void sign(const Hash &digest, Then<Result<Bytes>> then) override {
        tpm_.sign_grant(digest, std::move(then));
    }

  private:
    tpm::Service &tpm_;
};

class Daemon {
  public:
    // For all of the end: the last records, the last checkpoint and a TPM command under way;
    // what is acknowledged is safe whether it is enough or not. The last of it is for the
    // threads, which need no more unless they hang.
    static constexpr std::chrono::milliseconds stop_patience{10'000};
    static constexpr std::chrono::milliseconds thread_patience{1'000};

    // `notify` gets what sd_notify(3) takes.
    Daemon(Config config, tpm::Secrets secrets, const Log &log, const Clock &clock,
           std::function<void(const std::string &)> notify);

    // What the configuration names and this machine or the ledger's format cannot give:
    // config_invalid. start() checks the same.
    [[nodiscard]] static Result<void> check(const Config &config);

    // Before start(): a socket that is bound to the multicast of the kernel's audit.
    void follow_audit(Fd socket) { audit_log_ = std::move(socket); }

    // Opens everything; nothing to follow when `ring` is null.
    [[nodiscard]] Result<void> start(std::unique_ptr<Ring> ring);

    enum class End : std::uint8_t {
        orderly,
        hung, // a thread hangs: end the process without destroying this
    };
    // Works until SIGTERM or SIGINT, then drains.
    [[nodiscard]] End run();

  private:
    [[nodiscard]] Result<void> start_ledger();
    [[nodiscard]] Result<void> start_api();
    [[nodiscard]] Result<void> start_grants();
    void sign_words(std::uint16_t device, const std::string &words, Then<Result<Bytes>> then);
    void note_lost_ledger();
    void record(const std::string &action);
    void record_security(const tpm::SecurityEvent &event, tpm::Service::Heard then);
    void append(ledger::Record entry, std::function<void(bool durable)> then = [](bool) {});
    void watchdog();
    [[nodiscard]] std::chrono::milliseconds left() const;
    void stop();
    void stop_following();
    void stop_recording();
    void end(bool in_time);

    Config config_;
    const Log &log_;
    const Clock &clock_;
    std::function<void(const std::string &)> notify_;
    bool stopping_ = false;
    bool in_time_ = true;
    std::chrono::steady_clock::time_point end_by_;

    // In the order in which they use each other.
    Reactor reactor_;
    Reactor::Timer watchdog_;
    Reactor::Timer guard_;
    Fd lock_;
    tpm::Service tpm_;
    tpm::Notary notary_;
    ledger::Service ledger_;
    GrantSigner grant_signer_;
    grants::Service grants_;
    response::Responder responder_;
    sinks::Sinks sinks_;
    Fd audit_log_; // until start()
    ingest::AuditSource audit_;
    std::unique_ptr<Follower> follower_;
    std::unique_ptr<api::Api> api_;
    std::unique_ptr<api::Server> server_;
};

} // namespace dsmil
