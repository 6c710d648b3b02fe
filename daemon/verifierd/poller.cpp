// SPDX-License-Identifier: Apache-2.0
#include "verifierd/poller.hpp"

#include "verifierd/identity.hpp"
#include "verifierd/json.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <format>

namespace dsmil::verifierd {
namespace {

constexpr std::uint64_t max_identity_bytes = 1U << 20U;

// What a machine answers, by its door (dsmil-attestd).
class Door {
  public:
    Door(const https::TlsContext &tls, std::string name, const Address &address, const PollerOptions &options)
        : tls_(tls), peer_{.host = address.host, .port = address.port, .common_name = std::move(name)},
          options_(options) {}

    [[nodiscard]] Result<std::string> get(std::string target) const {
        return ask({.verb = https::Verb::get,
                    .target = std::move(target),
                    .body = {},
                    .patience = options_.patience,
                    .max_reply_bytes = max_identity_bytes});
    }
    [[nodiscard]] Result<std::string> post(std::string target, const boost::json::object &body) const {
        return ask({.verb = https::Verb::post,
                    .target = std::move(target),
                    .body = boost::json::serialize(body),
                    .patience = options_.patience,
                    .max_reply_bytes = options_.max_evidence_bytes});
    }

  private:
    [[nodiscard]] Result<std::string> ask(const https::Call &call) const {
        auto reply = https::request(tls_, peer_, call);
        if (!reply) {
            return std::unexpected(std::move(reply.error()));
        }
        if (reply->status / 100 != 2) {
            return fail(Code::failed,
                        std::format("{} answers {} to {}", peer_.common_name, reply->status, call.target),
                        {printable(std::string_view(reply->body).substr(0, 500))});
        }
        return std::move(reply->body);
    }

    const https::TlsContext &tls_;
    https::Peer peer_;
    const PollerOptions &options_;
};

Result<MachineView> enrol(const Door &door, Api &api, const std::string &name) {
    const auto identity =
        door.get("/v1/identity").and_then([](const std::string &body) { return choose_identity(body); });
    if (!identity) {
        return std::unexpected(identity.error());
    }
    const auto keys = parse_enrolment(identity->enrolment);
    if (!keys) {
        return std::unexpected(keys.error());
    }
    const auto challenge =
        api.with_service<Challenge>([&](Service &service) { return service.begin_enrolment(name, *keys); });
    if (!challenge) {
        return std::unexpected(challenge.error());
    }
    const auto opened =
        door.post("/v1/identity/activate", {{"ek", identity->ek_type},
                                            {"credential", to_base64(challenge->id_object)},
                                            {"secret", to_base64(challenge->encrypted_secret)}});
    const auto secret = opened ? parse_secret(*opened) : Result<Bytes>(std::unexpected(opened.error()));
    if (!secret) {
        return std::unexpected(secret.error());
    }
    return api.with_service<MachineView>(
        [&](Service &service) { return service.finish_enrolment(name, challenge->id, *secret); });
}

Result<Record> attest_once(const Door &door, Api &api, const std::string &name) {
    struct Asked {
        Session session;
        boost::json::object question;
    };
    const auto asked = api.with_service<Asked>([&](Service &service) {
        return service.ask(name).transform([&](Session &&session) {
            auto question = session_json(session, service.rule_of(name));
            return Asked{std::move(session), std::move(question)};
        });
    });
    if (!asked) {
        return std::unexpected(asked.error());
    }
    const auto body = door.post("/v1/evidence", asked->question);
    if (!body) {
        return std::unexpected(body.error());
    }
    const auto evidence = parse_evidence(*body);
    if (!evidence) {
        return std::unexpected(evidence.error());
    }
    return api.with_service<Record>(
        [&](Service &service) { return service.answer(name, asked->session.id, *evidence); });
}

} // namespace

Result<Record> pull(const https::TlsContext &tls, Api &api, const std::string &machine,
                    const Address &address, const PollerOptions &options) {
    const Door door(tls, machine, address, options);
    auto record = attest_once(door, api, machine);
    if (!record && record.error().code == Code::not_found) {
        if (auto enrolled = enrol(door, api, machine); !enrolled) {
            return std::unexpected(std::move(enrolled.error()).in("enrolling it"));
        }
        record = attest_once(door, api, machine);
    }
    for (unsigned attempt = 1; attempt < max_attempts && !record && record.error().code == Code::try_again;
         attempt++) {
        record = attest_once(door, api, machine);
    }
    return record;
}

Poller::Poller(Reactor &reactor, const Log &log, const https::TlsContext &tls, Api &api,
               PollerOptions options)
    : reactor_(reactor), log_(log), tls_(tls), api_(api), options_(std::move(options)) {
    for (const auto &[machine, address] : options_.machines) {
        turns_.push_back(std::make_unique<Turn>(machine, address, false, false, Reactor::Timer(reactor_)));
    }
}

Poller::~Poller() = default;

void Poller::start() {
    for (std::size_t i = 0; !turns_.empty() && i < options_.parallel; i++) {
        workers_.push_back(std::make_unique<Worker>(std::format("pull-{}", i)));
    }
    const auto step = std::chrono::milliseconds(options_.interval) / std::max<std::size_t>(1, turns_.size());
    for (std::size_t i = 0; i < turns_.size(); i++) {
        Turn &turn = *turns_[i];
        turn.timer.start(step * i, [this, &turn] { ask(turn); });
    }
}

void Poller::ask(Turn &turn) {
    if (stopping_) {
        return;
    }
    turn.timer.start(options_.interval, [this, &turn] { ask(turn); });
    if (turn.under_way) {
        return;
    }
    turn.under_way = true;
    Worker &worker = *workers_[next_worker_++ % workers_.size()];
    const bool taken = worker.submit(1, [this, &turn] {
        auto record = pull(tls_, api_, turn.machine, turn.address, options_);
        reactor_.post([this, &turn, record = std::move(record)] { asked(turn, record); });
    });
    if (!taken) {
        asked(turn, fail(Code::try_again, "too many machines wait to be asked (pull.parallel)"));
    }
}

void Poller::asked(Turn &turn, const Result<Record> &record) {
    turn.under_way = false;
    api_.count_pull(record.has_value());
    if (record.has_value() != turn.failing) {
        return; // as the last time
    }
    turn.failing = !record;
    if (record) {
        log_.write({.event_type = "pull_works",
                    .message = std::format("{} answers again", turn.machine),
                    .context = {{"machine", turn.machine}},
                    .service = "dsmil-verifierd"});
    } else {
        log_.write_error(LogLevel::warning, "pull_failed",
                         Error(record.error()).in(std::format("asking {}", turn.machine)));
    }
}

bool Poller::stop(std::chrono::milliseconds patience) {
    stopping_ = true;
    bool ended = true;
    for (auto &worker : workers_) {
        ended = worker->stop(patience) && ended;
    }
    return ended;
}

} // namespace dsmil::verifierd
