// SPDX-License-Identifier: Apache-2.0
// The machine's door for a verifier that asks: HTTPS in front of three operations
// of dsmild, and of nothing else. dsmild itself listens on no network.
#include "api_answer.hpp"
#include "api_client.hpp"
#include "base/log.hpp"
#include "base/reactor.hpp"
#include "base/worker.hpp"
#include "command.hpp"
#include "evidence.hpp"
#include "https/server.hpp"
#include "output.hpp"
#include "verifier_client.hpp"
#include "verifierd/rules.hpp"

#include <algorithm>
#include <format>
#include <memory>

namespace dsmilctl {
namespace {

namespace api = dsmil::api;
namespace https = dsmil::https;
using dsmil::Code;
using dsmil::Result;

// An RSA endorsement key may have to be made anew.
constexpr std::chrono::seconds patience{180};
constexpr std::chrono::seconds stop_patience{10};

class Door {
  public:
    Door(std::string socket, VerifierConfig config, dsmil::Reactor &reactor, const dsmil::Log &log)
        : socket_(std::move(socket)), config_(std::move(config)), reactor_(reactor), log_(log) {}

    void handle(https::Request request, https::Answer answer) {
        if (!std::ranges::contains(config_.serve.verifiers, request.client.name)) {
            refuse(request,
                   {Code::permission, "the certificate is not that of a verifier (serve.verifiers)", {}},
                   answer);
            return;
        }
        // Shared by the task, which may be refused and is then gone, and by what is said of that.
        auto shared = std::make_shared<https::Answer>(std::move(answer));
        const bool taken = worker_.submit(1, [this, shared, request = std::move(request)]() mutable {
            auto body = serve(request);
            reactor_.post([this, shared, request = std::move(request), body = std::move(body)]() mutable {
                if (!body) {
                    refuse(request, body.error(), *shared);
                    return;
                }
                api::Response response;
                response.body = std::move(*body);
                (*shared)(std::move(response));
            });
        });
        if (!taken) {
            (*shared)(api::error_response({Code::try_again, "too many requests wait", {}}));
        }
    }

    [[nodiscard]] bool stop() { return worker_.stop(stop_patience); }

  private:
    // On the worker's thread: dsmild may take its time.
    [[nodiscard]] Result<std::string> serve(const https::Request &request) const {
        const auto &path = request.target.path;
        const bool get = request.method == api::Method::get;
        if (get && path == "/v1/identity") {
            return ApiClient(socket_).get(path, patience);
        }
        if (!get && path == "/v1/identity/activate") {
            return ApiClient(socket_).post(path, request.body, patience);
        }
        if (!get && path == "/v1/evidence") {
            return decode_object("the verifier", request.body)
                .and_then(decode_question)
                .and_then([this](const EvidenceRequest &question) {
                    return gather_evidence(socket_, config_, question);
                });
        }
        return dsmil::fail(Code::not_found, std::format("there is no operation {}", printable(path)));
    }

    void refuse(const https::Request &request, const dsmil::Error &error, https::Answer &answer) const {
        log_.write({.level = dsmil::LogLevel::warning,
                    .event_type = "request_refused",
                    .message = error.detail,
                    .context = {{"client", printable(request.client.name)},
                                {"path", printable(request.target.path)},
                                {"code", std::string(dsmil::info(error.code).name)}},
                    .service = "dsmilctl"});
        answer(api::error_response(error));
    }

    std::string socket_;
    VerifierConfig config_;
    dsmil::Reactor &reactor_;
    const dsmil::Log &log_;
    dsmil::Worker worker_{"serve"}; // last: its tasks use the others
};

} // namespace

Result<int> run_verifier_serve(const Call &call, Output &out) {
    auto config = read_verifier_config(call);
    if (!config) {
        return std::unexpected(std::move(config.error()));
    }
    const auto address = dsmil::verifierd::parse_address(config->serve.address);
    if (!address || config->serve.verifiers.empty()) {
        return dsmil::fail(Code::config_invalid,
                           "serve.address must be \"address:port\", and serve.verifiers "
                           "must name the verifiers that may ask");
    }
    const auto tls =
        https::TlsContext::make(https::Side::server, {.certificate = config->verifier.certificate,
                                                      .key = config->verifier.key,
                                                      .authorities = config->verifier.authorities,
                                                      .revoked = {}});
    if (!tls) {
        return std::unexpected(tls.error());
    }
    const dsmil::Log log(dsmil::LogTarget::automatic, dsmil::LogLevel::info);
    dsmil::Reactor reactor;
    Door door(call.socket, std::move(*config), reactor, log);
    https::Server server(
        reactor, log, *tls,
        {.address = address->host,
         .port = address->port,
         .name = "dsmilctl/" DSMIL_VERSION,
         .body_limit = [](const std::string &) { return https::small_body_bytes; },
         .budget_bytes = 0,
         .handle = [&door](https::Request request,
                           https::Answer answer) { door.handle(std::move(request), std::move(answer)); }});
    if (auto started = server.start(); !started) {
        return std::unexpected(std::move(started.error()));
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"address", address->host}, {"port", server.port()}});
    } else {
        out.line(std::format("listening on {} port {}", address->host, server.port()));
    }
    if (!out.flush()) {
        return dsmil::fail(Code::failed, "writing to standard output");
    }
    reactor.on_termination([&] { server.stop([&] { reactor.stop(); }); });
    reactor.run();
    if (!door.stop()) {
        return dsmil::fail(Code::failed, "dsmild does not answer; ending without it");
    }
    return 0;
}

} // namespace dsmilctl
