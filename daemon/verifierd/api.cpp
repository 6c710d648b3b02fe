// SPDX-License-Identifier: Apache-2.0
#include "verifierd/api.hpp"

#include "base/prometheus.hpp"
#include "verifierd/json.hpp"
#include "verifierd/metrics.hpp"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <format>
#include <utility>

namespace dsmil::verifierd {
namespace {

using api::Method;
using api::Response;

constexpr std::string_view fingerprint_prefix = "sha256:";
constexpr std::string_view evidence_path = "/v1/attestations/";
constexpr std::size_t max_page = 1'000;
constexpr std::array<std::string_view, 2> page_parameters = {"after", "limit"};
constexpr std::array<std::string_view, 1> limit_parameter = {"limit"};

Response json_response(const boost::json::object &object, int status = 200) {
    Response response;
    response.status = status;
    response.body = boost::json::serialize(object);
    return response;
}

Response text_response(std::string text, const char *type) {
    Response response;
    response.content_type = type;
    response.body = std::move(text);
    return response;
}

// Whether the path is of the pattern; what stands for {...} goes to `first`.
bool fits(std::string_view pattern, std::string_view path, std::string &first) {
    const auto open = pattern.find('{');
    if (open == std::string_view::npos) {
        return pattern == path;
    }
    const std::string_view after = pattern.substr(pattern.find('}') + 1);
    if (path.size() <= open + after.size() || !path.starts_with(pattern.substr(0, open)) ||
        !path.ends_with(after)) {
        return false;
    }
    const std::string_view argument = path.substr(open, path.size() - open - after.size());
    if (argument.contains('/')) {
        return false;
    }
    first = argument;
    return true;
}

} // namespace

std::string_view name_of(Access access) {
    constexpr std::array<std::string_view, 4> names = {"anybody", "machine", "own", "operator"};
    return names.at(static_cast<std::size_t>(access));
}

std::span<const Api::Route> Api::routes() {
    static constexpr std::array<Route, 13> all = {{
        {Method::get, "/v1/health", Access::anybody, &Api::health, {}},
        {Method::get, "/v1/key", Access::anybody, &Api::key, {}},
        {Method::get, "/v1/openapi.json", Access::anybody, &Api::openapi, {}},
        {Method::post, "/v1/enrolments", Access::machine, &Api::begin_enrolment, {}},
        {Method::post, "/v1/enrolments/{id}", Access::machine, &Api::finish_enrolment, {}},
        {Method::post, "/v1/attestations", Access::machine, &Api::ask, {}},
        {Method::post, "/v1/attestations/{id}", Access::machine, &Api::answer, {}},
        {Method::get, "/v1/machines", Access::operator_, &Api::machines, page_parameters},
        {Method::get, "/v1/machines/{name}", Access::own, &Api::machine, {}},
        {Method::get, "/v1/machines/{name}/results", Access::own, &Api::results, limit_parameter},
        {Method::get, "/v1/machines/{name}/token", Access::own, &Api::token, {}},
        {Method::post, "/v1/machines/{name}/remove", Access::operator_, &Api::remove, {}},
        {Method::get, "/v1/metrics", Access::operator_, &Api::metrics, {}},
    }};
    return all;
}

Api::Api(Reactor &reactor, const Log &log, const Clock &clock, Service service, ApiOptions options)
    : reactor_(reactor), log_(log), clock_(clock), options_(std::move(options)),
      rate_(options_.requests_per_minute), service_(std::move(service)) {}

bool Api::is_operator(const https::Identity &client) const {
    return std::ranges::any_of(options_.operators, [&](std::string_view known) {
        return known.starts_with(fingerprint_prefix)
                   ? known.substr(fingerprint_prefix.size()) == client.fingerprint
                   : known == client.name;
    });
}

std::uint64_t Api::body_limit(std::string_view path) const {
    return path.starts_with(evidence_path) ? options_.max_evidence_bytes : https::small_body_bytes;
}

Result<const Api::Route *> Api::route_of(const https::Request &request, std::string &first) const {
    const Route *other_method = nullptr;
    for (const auto &route : routes()) {
        if (!fits(route.path, request.target.path, first)) {
            continue;
        }
        if (route.method == request.method) {
            for (const auto &[name, value] : request.target.parameters) {
                if (!std::ranges::contains(route.parameters, std::string_view(name))) {
                    return fail(Code::usage, std::format("there is no parameter {}", printable(name)));
                }
            }
            return &route;
        }
        other_method = &route;
    }
    if (other_method != nullptr) {
        return fail(Code::usage,
                    std::format("{} takes {}", other_method->path, api::name(other_method->method)));
    }
    return fail(Code::not_found, std::format("there is no operation {}", printable(request.target.path)));
}

Result<void> Api::check_access(const Route &route, const Call &call) {
    const auto &name = call.request.client.name;
    const bool is_machine = !call.is_operator && is_machine_name(name);
    const auto refuse = [&](std::string_view whose) {
        return fail(Code::permission,
                    std::format("{} is for {}; the certificate says {}", route.path, whose, printable(name)));
    };
    switch (route.access) {
    case Access::anybody:
        return {};
    case Access::machine:
        return is_machine ? Result<void>() : refuse("machines");
    case Access::own:
        return call.is_operator || (is_machine && call.first == name)
                   ? Result<void>()
                   : refuse("the machine itself and for operators");
    case Access::operator_:
        break;
    }
    return call.is_operator ? Result<void>() : refuse("operators (fleet.operators)");
}

// What an administrator wants to find in the log.
void Api::note(const https::Request &request, const Result<Response> &response) const {
    if (request.method != Method::post && response) {
        return;
    }
    LogEvent event{.level = response ? LogLevel::debug : LogLevel::info,
                   .event_type = response ? "request_done" : "request_refused",
                   .message = std::format("{} {}", api::name(request.method), printable(request.target.path)),
                   .context = {{"client", printable(request.client.name)}},
                   .service = "dsmil-verifierd"};
    if (!response) {
        event.context.emplace_back("code", std::string(info(response.error().code).name));
        event.context.emplace_back("detail", response.error().detail);
    }
    log_.write(event);
}

void Api::handle(https::Request request, const https::ServerNumbers &server, https::Answer answer) {
    Call call{.request = std::move(request), .first = {}, .is_operator = false, .server = server};
    call.is_operator = is_operator(call.request.client);
    const auto refuse = [&](const Error &error) {
        note(call.request, std::unexpected(error));
        answer(api::error_response(error));
    };
    if (!rate_.take(call.request.client.fingerprint, clock_.boottime_ns())) {
        rate_limited_++;
        refuse({Code::try_again,
                std::format("more than {} requests in a minute from one certificate "
                            "(attestation.requests_per_minute)",
                            options_.requests_per_minute),
                {}});
        return;
    }
    const auto route = route_of(call.request, call.first);
    if (!route) {
        refuse(route.error());
        return;
    }
    if (const auto allowed = check_access(**route, call); !allowed) {
        refuse(allowed.error());
        return;
    }
    // Shared by the task, which may be refused and is then gone, and by what is said of that.
    auto shared = std::make_shared<https::Answer>(std::move(answer));
    const bool taken = worker_.submit(1, [this, shared, call = std::move(call), found = *route]() mutable {
        auto response = (this->*found->handler)(call);
        note(call.request, response);
        reactor_.post([shared, response = response ? std::move(*response)
                                                   : api::error_response(response.error())]() mutable {
            (*shared)(std::move(response));
        });
    });
    if (!taken) {
        (*shared)(api::error_response({Code::try_again, "the verifier has too much to do", {}}));
    }
}

Result<Response> Api::health(const Call & /*call*/) {
    return json_response({{"status", "ok"}, {"version", DSMIL_VERSION}});
}

Result<Response> Api::key(const Call & /*call*/) {
    return text_response(service_.token_key_pem(), "application/x-pem-file");
}

Result<Response> Api::openapi(const Call & /*call*/) {
    return text_response(std::string(openapi_document()), "application/json");
}

Result<Response> Api::begin_enrolment(const Call &call) {
    return parse_enrolment(call.request.body)
        .and_then([&](const EnrolmentRequest &keys) {
            return service_.begin_enrolment(call.request.client.name, keys);
        })
        .transform([](const Challenge &challenge) { return json_response(challenge_json(challenge), 201); });
}

Result<Response> Api::finish_enrolment(const Call &call) {
    return parse_secret(call.request.body)
        .and_then([&](const Bytes &secret) {
            return service_.finish_enrolment(call.request.client.name, call.first, secret);
        })
        .transform([](const MachineView &view) { return json_response(machine_json(view)); });
}

Result<Response> Api::ask(const Call &call) {
    return service_.ask(call.request.client.name).transform([&](const Session &session) {
        return json_response(session_json(session, service_.rule_of(session.machine)), 201);
    });
}

Result<Response> Api::answer(const Call &call) {
    return parse_evidence(call.request.body)
        .and_then([&](const Evidence &evidence) {
            return service_.answer(call.request.client.name, call.first, evidence);
        })
        .transform([](const Record &record) { return json_response(record_json(record)); });
}

Result<Response> Api::machines(const Call &call) {
    const auto limit = call.request.target.number("limit", 1, max_page, max_page);
    if (!limit) {
        return std::unexpected(limit.error());
    }
    const auto after = call.request.target.parameters.find("after");
    const std::string from = after != call.request.target.parameters.end() ? after->second : std::string();
    return service_.list(from, *limit).transform([&](const std::vector<MachineView> &views) {
        boost::json::array machines;
        for (const auto &view : views) {
            machines.push_back(machine_json(view));
        }
        return json_response({{"now", service_.now_s()}, {"machines", std::move(machines)}});
    });
}

Result<Response> Api::machine(const Call &call) {
    return service_.show(call.first).transform([](const MachineView &view) {
        return json_response(machine_json(view));
    });
}

Result<Response> Api::results(const Call &call) {
    const auto limit = call.request.target.number("limit", 1, max_page, 10);
    if (!limit) {
        return std::unexpected(limit.error());
    }
    return service_.history(call.first, *limit).transform([](const std::vector<Record> &records) {
        boost::json::array results;
        for (const auto &record : records) {
            results.push_back(record_json(record));
        }
        return json_response({{"results", std::move(results)}});
    });
}

Result<Response> Api::token(const Call &call) {
    return service_.history(call.first, 1).and_then([&](const std::vector<Record> &records) {
        return records.empty()
                   ? Result<Response>(fail(Code::not_found, std::format("{} has no result yet", call.first)))
                   : text_response(records.front().token, "application/eat+jwt");
    });
}

Result<Response> Api::remove(const Call &call) {
    return service_.remove(call.first).transform([&] {
        log_.write({.level = LogLevel::warning,
                    .event_type = "machine_removed",
                    .message = "a machine was removed, with its history",
                    .context = {{"machine", call.first}, {"by", printable(call.request.client.name)}},
                    .service = "dsmil-verifierd"});
        return json_response({{"removed", call.first}});
    });
}

Result<Response> Api::metrics(const Call &call) {
    auto numbers = service_.numbers();
    auto machines = service_.list("", max_machines);
    if (!numbers || !machines) {
        return std::unexpected(numbers ? machines.error() : numbers.error());
    }
    return text_response(metrics_text({.numbers = *numbers,
                                       .machines = *machines,
                                       .server = call.server,
                                       .rate_limited = rate_limited_,
                                       .pulls = pulls_,
                                       .pulls_failed = pulls_failed_,
                                       .waiting = worker_.waiting()}),
                         prometheus::content_type);
}

} // namespace dsmil::verifierd
