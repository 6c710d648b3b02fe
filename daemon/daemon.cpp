// SPDX-License-Identifier: Apache-2.0
#include "daemon.hpp"

#include "base/file.hpp"
#include "base/host.hpp"
#include "ledger/note.hpp"
#include "tpm/device_key.hpp"
#include "tpm/tpm.hpp"

#include <algorithm>
#include <format>
#include <systemd/sd-daemon.h>
#include <utility>

namespace dsmil {
namespace {

tpm::TpmOptions tpm_options(const Config &config, tpm::Secrets secrets) {
    tpm::TpmOptions options;
    options.secrets = std::move(secrets);
    options.context.tcti = config.tpm.tcti;
    options.belief = {.folders = config.tpm.roots, .demanded = config.tpm.require_certificate};
    options.state_dir = config.ledger.state_dir;
    return options;
}

std::string ledger_path(const Config &config) {
    return config.ledger.state_dir + "/ledger.db";
}

sinks::SinkOptions sink_options(const Config &config) {
    const auto &wanted = config.sinks;
    return {.journald = wanted.journald,
            .syslog = wanted.syslog,
            .json_lines = wanted.json_lines,
            .loki = wanted.loki,
            .tiles = wanted.tiles};
}

} // namespace

Daemon::Daemon(Config config, tpm::Secrets secrets, const Log &log, const Clock &clock,
               std::function<void(const std::string &)> notify)
    : config_(std::move(config)), log_(log), clock_(clock), notify_(std::move(notify)), watchdog_(reactor_),
      guard_(reactor_), tpm_(reactor_, log, tpm_options(config_, std::move(secrets))), notary_(tpm_),
      ledger_(reactor_, log, clock, tpm_, &notary_), grant_signer_(tpm_),
      grants_(reactor_, log, clock, ledger_, grant_signer_,
              std::make_unique<grants::ModuleKernel>(Paths{.nodes = config_.device.nodes})),
      responder_(reactor_, log, clock, ledger_, grants_,
                 [this](std::uint16_t device, const std::string &words, Then<Result<Bytes>> then) {
                     sign_words(device, words, std::move(then));
                 }),
      sinks_(reactor_, log_, ledger_), audit_(reactor_, log_, clock_, ledger_) {}

Result<void> Daemon::check(const Config &config) {
    if (!config.ledger.origin.empty() && !ledger::is_key_name(config.ledger.origin)) {
        return fail(Code::config_invalid,
                    std::format("ledger.origin: \"{}\" has a space or a plus", config.ledger.origin));
    }
    if (auto rules = grants::read_rules(config.grants.rules); !rules) {
        return std::unexpected(std::move(rules.error()));
    }
    if (!config.tpm.fallback_key.empty()) {
        if (auto key = tpm::KeyFile::open(config.tpm.fallback_key); !key) {
            return std::unexpected(std::move(key.error()));
        }
    }
    if (auto responses = response::read_rules(config.response.rules); !responses) {
        return std::unexpected(std::move(responses.error()));
    }
    if (auto sinks = sinks::check(sink_options(config)); !sinks) {
        return sinks;
    }
    if (config.api.group.empty()) {
        return {};
    }
    if (const auto group = api::group_id(config.api.group); !group) {
        return fail(Code::config_invalid, std::format("api.group: {}", group.error().detail));
    }
    return {};
}

Result<void> Daemon::start(std::unique_ptr<Ring> ring) {
    if (auto right = check(config_); !right) {
        return right;
    }
    auto lock = lock_directory(config_.ledger.state_dir);
    if (!lock) {
        return std::unexpected(std::move(lock.error()).in("the state directory (ledger.state_dir)"));
    }
    lock_ = std::move(*lock);
    if (!config_.tpm.fallback_key.empty()) {
        auto key = tpm::KeyFile::open(config_.tpm.fallback_key);
        if (!key) {
            return std::unexpected(std::move(key.error()));
        }
        tpm_.fall_back_to(std::move(*key));
    }
    const bool had_keys = tpm_.has_keys(); // before the TPM's thread may make them
    if (auto started = start_ledger(); !started) {
        return started;
    }
    if (auto started = sinks_.start(sink_options(config_), config_.ledger.state_dir, ledger_path(config_));
        !started) {
        return started;
    }
    if (auto started = start_grants(); !started) {
        return started;
    }
    if (auto started = start_api(); !started) {
        return started;
    }
    tpm_.on_event([this](const tpm::SecurityEvent &event, tpm::Service::Heard then) {
        record_security(event, std::move(then));
    });
    tpm_.start([this] {
        ledger_.signer_ready();
        notify_(tpm_.trouble() ? "STATUS=Running; UNATTESTED: a key file signs"
                               : "STATUS=Running; the TPM is ready");
    });
    if (ring) {
        follower_ = std::make_unique<Follower>(reactor_, log_, ledger_, std::move(ring));
        follower_->start();
    }
    if (audit_log_) {
        audit_.follow_kernel(std::move(audit_log_));
    } else if (!config_.ingest.audit_socket.empty()) {
        audit_.follow_socket(config_.ingest.audit_socket);
    }
    reactor_.on_termination([this] { stop(); });
    watchdog();
    if (had_keys && ledger_.is_new()) {
        note_lost_ledger();
    }
    record("started");
    notify_("READY=1\nSTATUS=Running");
    log_.write({.level = LogLevel::info,
                .event_type = "started",
                .message = "dsmild is running",
                .context = {{"version", DSMIL_VERSION},
                            {"socket", config_.api.socket},
                            {"ledger_size", std::to_string(ledger_.snapshot().head.size)},
                            {"follows_devices", follower_ ? "yes" : "no"}}});
    return {};
}

Result<void> Daemon::start_ledger() {
    const std::string &directory = config_.ledger.state_dir;
    ledger::ServiceOptions options;
    options.state_dir = directory;
    options.checkpoint_interval = config_.ledger.checkpoint_interval;
    options.keep_for = config_.ledger.keep_for;
    options.keep_records = config_.ledger.keep_records;
    options.ledger.path = ledger_path(config_);
    options.evidence_interval = config_.ledger.evidence_interval;
    options.anchors_per_day = config_.ledger.anchors_per_day;
    options.anchor_interval = config_.ledger.anchor_interval;
    options.cosign_key = directory + "/cosign-key.pem";
    options.ledger.max_bytes = config_.ledger.max_bytes;
    options.ledger.reserve_bytes = config_.ledger.max_bytes == 0
                                       ? config_.ledger.reserve_bytes
                                       : std::min(config_.ledger.reserve_bytes, config_.ledger.max_bytes / 4);
    options.ledger.origin = config_.ledger.origin;
    options.ledger.default_origin = host_name() + "/dsmil";
    return ledger_.start(std::move(options));
}

Result<void> Daemon::start_grants() {
    auto rules = grants::read_rules(config_.grants.rules);
    auto responses = response::read_rules(config_.response.rules);
    if (!rules || !responses) {
        return std::unexpected(std::move(!rules ? rules.error() : responses.error()));
    }
    grants_.start(std::move(*rules));
    return responder_.start(std::move(*responses), config_.ledger.state_dir);
}

// As a response to an intrusion; with the key that was made for the device.
void Daemon::sign_words(std::uint16_t device, const std::string &words, Then<Result<Bytes>> then) {
    tpm_.run<tpm::DeviceSignature>(
        tpm::Urgency::normal, tpm::usual_deadline,
        [directory = config_.ledger.state_dir, device, digest = sha256(as_bytes(words))](tpm::Tpm &tpm) {
            return tpm::sign_for_device(tpm, directory, device, digest);
        },
        [then = std::move(then)](Result<tpm::DeviceSignature> made) mutable {
            then(std::move(made).transform(
                [](tpm::DeviceSignature signature) { return std::move(signature.signature); }));
        });
}

Result<void> Daemon::start_api() {
    std::vector<std::string> unknown;
    auto roles = api::Roles::from(config_, unknown);
    if (!unknown.empty()) {
        LogEvent event{.event_type = "groups_unknown",
                       .message = "some groups of [roles] do not exist: ignoring them"};
        for (const auto &group : unknown) {
            event.context.emplace_back(std::format("group_{}", event.context.size() + 1), group);
        }
        log_.write(event);
    }
    api::DeviceApi device(
        ledger_, tpm_, config_.ledger.state_dir,
        [nodes = config_.device.nodes](std::uint16_t id) { return read_device_state({.nodes = nodes}, id); });
    api_ = std::make_unique<api::Api>(
        log_, ledger_, tpm_, std::move(device), api::IdentityApi(ledger_, tpm_, config_.ledger.state_dir),
        api::TpmApi(clock_, ledger_, tpm_, config_.tpm.limits), grants_, responder_, std::move(roles));
    api_->show(sinks_, audit_);
    server_ = std::make_unique<api::Server>(reactor_, log_, *api_);
    return server_->start({.path = config_.api.socket, .group = config_.api.group});
}

// A new ledger where the signing key is older took the place of one that was lost or taken away.
void Daemon::note_lost_ledger() {
    log_.write({.level = LogLevel::warning,
                .event_type = "ledger_began_anew",
                .message = "the ledger was missing or empty although its signing key is older: what it held "
                           "is not in the new one"});
    record("began_anew");
}

void Daemon::record(const std::string &action) {
    auto entry = ledger_.own_record(action, "ok");
    entry.values = {{"version", std::string(DSMIL_VERSION)}};
    append(std::move(entry));
}

void Daemon::record_security(const tpm::SecurityEvent &event, tpm::Service::Heard then) {
    auto entry = ledger_.own_record(event.action, "noticed");
    for (const auto &[name, value] : event.context) {
        entry.context.push_back({name, value});
    }
    append(std::move(entry), std::move(then));
}

void Daemon::append(ledger::Record entry, std::function<void(bool durable)> then) {
    std::vector<ledger::Record> records;
    const bool last = entry.action == "stopped";
    records.push_back(std::move(entry));
    ledger_.append(std::move(records),
                   [this, last, then = std::move(then)](const Result<ledger::Appended> &kept) {
                       if (!kept) {
                           log_.write_error(LogLevel::error, "ledger_append_failed", kept.error());
                       }
                       then(kept.has_value());
                       if (last) {
                           stop_recording();
                       }
                   });
}

void Daemon::watchdog() {
    std::uint64_t interval_us = 0;
    if (::sd_watchdog_enabled(0, &interval_us) > 0) {
        notify_("WATCHDOG=1");
        watchdog_.start(std::chrono::milliseconds(interval_us / 2'000), [this] { watchdog(); });
    }
}

Daemon::End Daemon::run() {
    reactor_.run();
    // The threads have what is left to end what they do; only a hanging disk or TPM uses it
    // up. The TPM last: it is what hangs, and the others are through at once.
    const bool sinks_ended = sinks_.stop(left());
    const bool ledger_ended = ledger_.stop(left());
    const bool grants_ended = grants_.stop(left());
    const bool responder_ended = responder_.stop(left());
    const bool tpm_ended = tpm_.stop(left());
    log_.write(
        {.level = LogLevel::info,
         .event_type = "stopped",
         .message = in_time_ ? "dsmild has stopped" : "dsmild has stopped before everything was recorded",
         .context = {{"ledger_size", std::to_string(ledger_.snapshot().head.size)}}});
    return tpm_ended && grants_ended && responder_ended && sinks_ended && ledger_ended ? End::orderly
                                                                                       : End::hung;
}

// A thread that has ended takes no time to say so, but some.
std::chrono::milliseconds Daemon::left() const {
    constexpr std::chrono::milliseconds least{100};
    return std::max(least,
                    std::chrono::ceil<std::chrono::milliseconds>(end_by_ - std::chrono::steady_clock::now()));
}

// What follows goes step by step: no more requests, then the rest of the ring,
// then the daemon's own last record, then the last checkpoint.
void Daemon::stop() {
    if (std::exchange(stopping_, true)) {
        return;
    }
    notify_("STOPPING=1\nSTATUS=Stopping");
    end_by_ = std::chrono::steady_clock::now() + stop_patience;
    guard_.start(stop_patience - thread_patience, [this] { end(false); });
    server_->stop([this] { stop_following(); });
    ledger_.release_waiters();
}

void Daemon::stop_following() {
    grants_.settle();
    audit_.stop();
    if (follower_) {
        follower_->drain([this] { record("stopped"); });
    } else {
        record("stopped");
    }
}

void Daemon::stop_recording() {
    ledger_.close([this](const Result<void> &signed_off) {
        if (!signed_off) {
            log_.write_error(LogLevel::warning, "last_checkpoint_failed", signed_off.error());
        }
        end(true);
    });
}

void Daemon::end(bool in_time) {
    in_time_ = in_time;
    reactor_.stop();
}

} // namespace dsmil
