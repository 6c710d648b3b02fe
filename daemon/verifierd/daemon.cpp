// SPDX-License-Identifier: Apache-2.0
#include "verifierd/daemon.hpp"

#include "attest/eat.hpp"
#include "attest/roots.hpp"
#include "base/file.hpp"

#include <format>
#include <systemd/sd-daemon.h>
#include <utility>

namespace dsmil::verifierd {
namespace {

constexpr std::size_t max_key_file_bytes = 16'384;
constexpr std::uint64_t bodies_at_once = 4; // as large as one may be

} // namespace

Result<Daemon::Files> Daemon::read_files(const Config &config) {
    const https::TlsFiles files{.certificate = config.tls.certificate,
                                .key = config.tls.key,
                                .authorities = config.tls.authorities,
                                .revoked = config.tls.revoked};
    auto server = https::TlsContext::make(https::Side::server, files);
    if (!server) {
        return std::unexpected(std::move(server.error()));
    }
    auto client = https::TlsContext::make(https::Side::client, files);
    if (!client) {
        return std::unexpected(std::move(client.error()));
    }
    auto fleet = read_fleet(config.fleet.machines);
    if (!fleet) {
        return std::unexpected(std::move(fleet.error()));
    }
    auto roots = attest::read_roots(config.fleet.roots);
    if (!roots) {
        Error error = std::move(roots.error());
        error.code = Code::config_invalid;
        return std::unexpected(std::move(error).in("the certificates of TPM vendors (fleet.roots)"));
    }
    return Files{std::move(*server), std::move(*client), std::move(*fleet), attest::certificates_of(*roots)};
}

Result<void> Daemon::check(const Config &config) {
    return read_files(config).transform([](const Files &) {});
}

// The administrator's, or one of our own that is made the first time.
Result<Bytes> Daemon::token_key() const {
    const bool own = config_.attestation.token_key.empty();
    const std::string path = own ? config_.store.state_dir + "/token-key.pem" : config_.attestation.token_key;
    auto text = read_file(path, max_key_file_bytes);
    if (!text && own && text.error().code == Code::not_found) {
        text = attest::make_token_key();
        if (text) {
            if (auto written = write_file(path, as_bytes(*text), 0600); !written) {
                return std::unexpected(std::move(written.error()).in("keeping the key of the tokens"));
            }
        }
    }
    if (!text) {
        return std::unexpected(std::move(text.error()).in("the key of the tokens (attestation.token_key)"));
    }
    const ByteView bytes = as_bytes(*text);
    return Bytes(bytes.begin(), bytes.end());
}

Result<void> Daemon::start_service(Files &files) {
    auto key = token_key();
    if (!key) {
        return std::unexpected(std::move(key.error()));
    }
    auto store = Store::open(config_.store.state_dir + "/verifierd.db", config_.store.max_bytes);
    if (!store) {
        return std::unexpected(std::move(store.error()));
    }
    Settings settings{.issuer = config_.attestation.issuer,
                      .session_s = config_.attestation.answer_s,
                      .history = config_.store.history,
                      .ages = {.late_s = config_.attestation.late_s, .dead_s = config_.attestation.dead_s}};
    auto service = Service::make(std::move(*store), std::move(files.fleet), std::move(files.roots),
                                 std::move(settings), std::move(*key), clock_, system_random());
    if (!service) {
        return std::unexpected(std::move(service.error()));
    }
    api_ = std::make_unique<Api>(reactor_, log_, clock_, std::move(*service),
                                 ApiOptions{.operators = config_.fleet.operators,
                                            .max_evidence_bytes = config_.attestation.max_evidence_bytes,
                                            .requests_per_minute = config_.attestation.requests_per_minute});
    return {};
}

void Daemon::start_poller(std::map<std::string, Address, std::less<>> machines) {
    poller_ =
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): it is made before
        std::make_unique<Poller>(reactor_, log_, *client_tls_, *api_,
                                 PollerOptions{.machines = std::move(machines),
                                               .interval = config_.pull.interval,
                                               .patience = config_.pull.patience,
                                               .parallel = config_.pull.parallel,
                                               .max_evidence_bytes = config_.attestation.max_evidence_bytes});
    poller_->start();
}

Result<void> Daemon::start() {
    auto files = read_files(config_);
    if (!files) {
        return std::unexpected(std::move(files.error()));
    }
    auto lock = lock_directory(config_.store.state_dir);
    if (!lock) {
        return std::unexpected(std::move(lock.error()).in("the state directory (store.state_dir)"));
    }
    lock_ = std::move(*lock);
    client_tls_.emplace(std::move(files->client));
    auto machines = files->fleet.pull;
    if (auto started = start_service(*files); !started) {
        return started;
    }
    server_ = std::make_unique<https::Server>(
        reactor_, log_, files->server,
        https::ServerOptions{
            .address = config_.listen.address,
            .port = config_.listen.port,
            .name = "dsmil-verifierd/" DSMIL_VERSION,
            .body_limit = [this](const std::string &path) { return api_->body_limit(path); },
            .budget_bytes = bodies_at_once * config_.attestation.max_evidence_bytes,
            .handle =
                [this](https::Request request, https::Answer answer) {
                    api_->handle(std::move(request), server_->numbers(), std::move(answer));
                },
        });
    if (auto started = server_->start(); !started) {
        return started;
    }
    start_poller(std::move(machines));
    reactor_.on_termination([this] { stop(); });
    watchdog();
    notify_(std::format("READY=1\nSTATUS=Listening on port {}", server_->port()));
    log_.write({.event_type = "started",
                .message = "dsmil-verifierd is running",
                .context = {{"version", DSMIL_VERSION},
                            {"address", config_.listen.address},
                            {"port", std::to_string(server_->port())}},
                .service = "dsmil-verifierd"});
    return {};
}

void Daemon::watchdog() {
    std::uint64_t interval_us = 0;
    if (::sd_watchdog_enabled(0, &interval_us) > 0) {
        notify_("WATCHDOG=1");
        watchdog_.start(std::chrono::milliseconds(interval_us / 2'000), [this] { watchdog(); });
    }
}

void Daemon::stop() {
    if (std::exchange(stopping_, true)) {
        return;
    }
    notify_("STOPPING=1\nSTATUS=Stopping");
    guard_.start(stop_patience, [this] { reactor_.stop(); });
    server_->stop([this] { reactor_.stop(); });
}

Daemon::End Daemon::run() {
    reactor_.run();
    const bool polls_ended = poller_->stop(stop_patience);
    const bool service_ended = api_->stop(stop_patience);
    log_.write(
        {.event_type = "stopped", .message = "dsmil-verifierd has stopped", .service = "dsmil-verifierd"});
    return polls_ended && service_ended ? End::orderly : End::hung;
}

} // namespace dsmil::verifierd
