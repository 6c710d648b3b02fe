// SPDX-License-Identifier: Apache-2.0
// The operations of the verifier: who may do which, and what each does. Requests
// come on the reactor's thread; the service has a thread of its own.
#pragma once

#include "base/reactor.hpp"
#include "base/worker.hpp"
#include "https/server.hpp"
#include "verifierd/rate_limit.hpp"
#include "verifierd/service.hpp"

#include <atomic>
#include <future>
#include <span>

namespace dsmil::verifierd {

// Each includes those before it, but that an operator is no machine.
enum class Access : std::uint8_t { anybody, machine, own, operator_ };
[[nodiscard]] std::string_view name_of(Access access);

struct ApiOptions {
    std::vector<std::string> operators; // common names, or "sha256:" and a certificate's fingerprint
    std::uint64_t max_evidence_bytes = 32U << 20U;
    std::uint32_t requests_per_minute = 120;
};

class Api {
  public:
    struct Call {
        https::Request request;
        std::string first; // what stands in the path for {...}
        bool is_operator = false;
        https::ServerNumbers server;
    };
    struct Route {
        api::Method method;
        std::string_view path; // "/v1/machines/{name}"
        Access access;
        Result<api::Response> (Api::*handler)(const Call &call);
        std::span<const std::string_view> parameters; // of the query
    };
    // docs/api/verifierd.json says the same, and a test compares.
    [[nodiscard]] static std::span<const Route> routes();

    Api(Reactor &reactor, const Log &log, const Clock &clock, Service service, ApiOptions options);

    // Checks who asks, then does it on the service's thread and calls back on the reactor's.
    void handle(https::Request request, const https::ServerNumbers &server, https::Answer answer);
    // How long the body of a request to this path may be.
    [[nodiscard]] std::uint64_t body_limit(std::string_view path) const;

    // Runs on the service's thread, and waits for it: not from the reactor's. try_again when too
    // many wait, or the end has come.
    template <typename T>
    [[nodiscard]] Result<T> with_service(std::function<Result<T>(Service &service)> work) {
        std::promise<Result<T>> promise;
        auto future = promise.get_future();
        const bool taken =
            worker_.submit(1, [this, work = std::move(work), promise = std::move(promise)]() mutable {
                promise.set_value(work(service_));
            });
        if (!taken) {
            return fail(Code::try_again, "the verifier has too much to do");
        }
        return future.get();
    }
    // No more tasks; false if one hangs.
    [[nodiscard]] bool stop(std::chrono::milliseconds patience) { return worker_.stop(patience); }

    void count_pull(bool worked) { (worked ? pulls_ : pulls_failed_)++; }

  private:
    [[nodiscard]] bool is_operator(const https::Identity &client) const;
    [[nodiscard]] Result<const Route *> route_of(const https::Request &request, std::string &first) const;
    [[nodiscard]] static Result<void> check_access(const Route &route, const Call &call);
    void note(const https::Request &request, const Result<api::Response> &response) const;

    Result<api::Response> health(const Call &call);
    Result<api::Response> begin_enrolment(const Call &call);
    Result<api::Response> finish_enrolment(const Call &call);
    Result<api::Response> ask(const Call &call);
    Result<api::Response> answer(const Call &call);
    Result<api::Response> machines(const Call &call);
    Result<api::Response> machine(const Call &call);
    Result<api::Response> results(const Call &call);
    Result<api::Response> token(const Call &call);
    Result<api::Response> remove(const Call &call);
    Result<api::Response> key(const Call &call);
    Result<api::Response> metrics(const Call &call);
    Result<api::Response> openapi(const Call &call);

    Reactor &reactor_;
    const Log &log_;
    const Clock &clock_;
    ApiOptions options_;
    RateLimit rate_;  // the reactor's
    Service service_; // the worker's
    std::atomic<std::uint64_t> rate_limited_ = 0;
    std::atomic<std::uint64_t> pulls_ = 0;
    std::atomic<std::uint64_t> pulls_failed_ = 0;
    Worker worker_{"verifier"}; // last: its tasks use the others
};

// The text of docs/api/verifierd.json of this build.
[[nodiscard]] std::string_view openapi_document();

} // namespace dsmil::verifierd
