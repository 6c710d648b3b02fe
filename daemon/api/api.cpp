// SPDX-License-Identifier: Apache-2.0
#include "api/api.hpp"

#include "api/attest_request.hpp"
#include "api/metrics.hpp"
#include "api/quote_json.hpp"
#include "api/recorded.hpp"
#include "api/tpm_json.hpp"
#include "ledger/record_json.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <format>
#include <limits>

namespace dsmil::api {
namespace {

constexpr std::uint64_t default_limit = 100;
constexpr std::uint64_t max_wait_ms = 30'000;

constexpr std::array<std::string_view, 3> record_parameters = {"after", "limit", "wait_ms"};

// Of the query, and of the page.
constexpr auto search_parameters = [] {
    std::array<std::string_view, ledger::query_parameters.size() + 2> names = {"after", "limit"};
    std::ranges::copy(ledger::query_parameters, names.begin() + 2);
    return names;
}();

constexpr std::array<std::string_view, 1> item_parameters = {"id"};

constexpr std::array route_table = {
    Route{Method::get, "/v1/health", Role::reader, &Api::health, {}},
    Route{Method::get, "/v1/ledger", Role::reader, &Api::ledger_show, {}},
    Route{Method::post, "/v1/ledger/evidence", Role::operator_, &Api::ledger_evidence, {}},
    Route{Method::post, "/v1/ledger/adopt", Role::admin, &Api::ledger_adopt, {}},
    Route{Method::get, "/v1/ledger/head", Role::reader, &Api::ledger_head, {}},
    Route{Method::get, "/v1/ledger/records", Role::reader, &Api::ledger_records, record_parameters},
    Route{Method::get, "/v1/ledger/search", Role::reader, &Api::ledger_search, search_parameters},
    Route{Method::post, "/v1/ledger/prune", Role::admin, &Api::ledger_prune, {}},
    Route{Method::get, "/v1/ledger/sinks", Role::reader, &Api::ledger_sinks, {}},
    Route{Method::get, "/v1/ledger/key", Role::reader, &Api::ledger_key, {}},
    Route{Method::get, "/v1/ledger/export", Role::operator_, &Api::ledger_export, {}},
    Route{Method::post, "/v1/attest", Role::operator_, &Api::attest, {}},
    Route{Method::post, "/v1/device/attest", Role::operator_, &Api::device_attest, {}},
    Route{Method::post, "/v1/device/provision", Role::admin, &Api::device_provision, {}},
    Route{Method::post, "/v1/device/seal", Role::operator_, &Api::device_seal, {}},
    Route{Method::post, "/v1/device/unseal", Role::operator_, &Api::device_unseal, {}},
    Route{Method::get, "/v1/identity", Role::operator_, &Api::identity_show, {}},
    Route{Method::post, "/v1/identity/activate", Role::admin, &Api::identity_activate, {}},
    Route{Method::post, "/v1/tpm/certify", Role::admin, &Api::tpm_certify, {}},
    Route{Method::post, "/v1/device/sign-event", Role::operator_, &Api::device_sign_event, {}},
    Route{Method::get, "/v1/device/responses", Role::reader, &Api::device_responses, {}},
    Route{Method::post, "/v1/device/clear", Role::admin, &Api::device_clear, {}},
    Route{Method::get, "/v1/tpm", Role::reader, &Api::tpm_status, {}},
    Route{Method::post, "/v1/tpm/random", Role::operator_, &Api::on_tpm<TpmOperation::random>, {}},
    Route{Method::post, "/v1/tpm/pcr/read", Role::reader, &Api::on_tpm<TpmOperation::pcr_read>, {}},
    Route{Method::post, "/v1/tpm/pcr/extend", Role::operator_, &Api::on_tpm<TpmOperation::pcr_extend>, {}},
    Route{Method::post, "/v1/tpm/nv/define", Role::admin, &Api::on_tpm<TpmOperation::nv_define>, {}},
    Route{Method::post, "/v1/tpm/nv/read", Role::operator_, &Api::on_tpm<TpmOperation::nv_read>, {}},
    Route{Method::post, "/v1/tpm/nv/write", Role::operator_, &Api::on_tpm<TpmOperation::nv_write>, {}},
    Route{
        Method::post, "/v1/tpm/nv/increment", Role::operator_, &Api::on_tpm<TpmOperation::nv_increment>, {}},
    Route{Method::post, "/v1/tpm/nv/extend", Role::operator_, &Api::on_tpm<TpmOperation::nv_extend>, {}},
    Route{Method::post, "/v1/tpm/nv/undefine", Role::admin, &Api::on_tpm<TpmOperation::nv_undefine>, {}},
    Route{Method::post, "/v1/tpm/seal", Role::operator_, &Api::on_tpm<TpmOperation::seal>, {}},
    Route{Method::post, "/v1/tpm/unseal", Role::operator_, &Api::on_tpm<TpmOperation::unseal>, {}},
    Route{Method::get, "/v1/metrics", Role::reader, &Api::metrics, {}},
    Route{Method::get, "/v1/grants", Role::reader, &Api::grants_list, {}},
    Route{Method::post, "/v1/grants", Role::reader, &Api::grants_request, {}},
    Route{Method::get, "/v1/grants/item", Role::reader, &Api::grants_item, item_parameters},
    Route{Method::get, "/v1/grants/key", Role::reader, &Api::grants_key, {}},
    Route{Method::post, "/v1/grants/approve", Role::approver, &Api::grants_approve, {}},
    Route{Method::post, "/v1/grants/issue", Role::reader, &Api::grants_issue, {}},
    Route{Method::post, "/v1/grants/revoke", Role::reader, &Api::grants_revoke, {}},
    Route{Method::get, "/v1/openapi.json", Role::reader, &Api::openapi, {}},
};

// The parameters that an operation takes; others are errors.
Result<void> check_parameters(const Route &route, const Target &target) {
    for (const auto &[parameter, value] : target.parameters) {
        if (!std::ranges::contains(route.parameters, parameter)) {
            return fail(Code::usage, std::format("{} has no parameter {}", route.path, parameter));
        }
    }
    return {};
}

Error unknown_operation(const Request &request) {
    const auto same_path = std::ranges::find(route_table, request.target.path, &Route::path);
    if (same_path == route_table.end()) {
        return Error{Code::not_found, std::format("there is nothing at {}", request.target.path), {}};
    }
    return Error{Code::usage, std::format("{} takes {} only", same_path->path, name(same_path->method)), {}};
}

ledger::Record attest_record(const ledger::Service &ledger, const Peer &peer, const AttestRequest &request,
                             const Result<tpm::Quote> &quote) {
    auto record = ledger.own_record("attest", quote ? "ok" : "failed");
    record.actor = ledger::Actor{peer.uid, peer.pid, peer.comm, 0};
    record.values.push_back({"nonce", request.nonce});
    if (quote) {
        const Hash digest = sha256(quote->bundle.quoted);
        record.values.push_back({"quote_sha256", Bytes(digest.begin(), digest.end())});
    } else {
        record.context.push_back({"error", std::string(info(quote.error().code).name)});
    }
    return record;
}

} // namespace

std::span<const Route> routes() {
    return route_table;
}

void Api::handle(const Request &request, Then<Response> then) {
    const auto route = std::ranges::find_if(route_table, [&](const Route &candidate) {
        return candidate.path == request.target.path && candidate.method == request.method;
    });
    const Role role = roles_.of(request.peer);
    // Who has no role learns nothing, not even which operations there are.
    const Role needed = route != route_table.end() ? route->role : Role::reader;
    if (role < needed) {
        then(error_response({Code::permission,
                             std::format("this needs the role {}, which the members of {} have; you have {}",
                                         name(needed), roles_.groups_for(needed), name(role)),
                             {}}));
        return;
    }
    if (route == route_table.end()) {
        then(error_response(unknown_operation(request)));
        return;
    }
    if (const auto known = check_parameters(*route, request.target); !known) {
        then(error_response(known.error()));
        return;
    }
    (this->*route->handler)(
        request, [this, path = route->path, then = std::move(then)](Result<Response> result) mutable {
            if (!result && info(result.error().code).http >= 500) {
                log_.write_error(LogLevel::warning, "request_failed",
                                 Error(result.error()).in(std::string(path)));
            }
            then(result ? std::move(*result) : error_response(result.error()));
        });
}

void Api::health(const Request & /*request*/, Then<Result<Response>> then) {
    const auto &tpm_trouble = tpm_.trouble();
    const auto &ledger_trouble = ledger_.trouble();
    boost::json::object body = {
        {"status",
         tpm_trouble || ledger_trouble || ledger_.unsigned_because() || ledger_.anchors().adoptable()
             ? "degraded"
             : "ok"},
        {"version", DSMIL_VERSION},
        {"ledger_size", ledger_.snapshot().head.size},
        {"ledger", ledger_trouble ? "failing" : "ok"},
        {"tpm", tpm_word(tpm_trouble)},
    };
    if (ledger_trouble) {
        body["ledger_detail"] =
            std::format("{}: {}", info(ledger_trouble->code).message, ledger_trouble->detail);
    }
    if (tpm_trouble) {
        body["tpm_detail"] = trouble_text(*tpm_trouble);
    }
    if (const auto &why = ledger_.unsigned_because()) {
        body["unsigned_detail"] = std::format("{}: {}", info(why->code).message, trouble_text(*why));
    }
    then(json_response(body));
}

void Api::ledger_show(const Request & /*request*/, Then<Result<Response>> then) {
    then(json_response(ledger_json(ledger_)));
}

void Api::ledger_head(const Request & /*request*/, Then<Result<Response>> then) {
    const auto &snapshot = ledger_.snapshot();
    boost::json::object body = {
        {"size", snapshot.head.size}, {"first", snapshot.first}, {"root", to_base64(snapshot.head.root)},
        {"origin", snapshot.origin},  {"checkpoint", nullptr},
    };
    if (snapshot.checkpoint) {
        body["checkpoint"] = *snapshot.checkpoint;
    }
    then(json_response(body));
}

void Api::ledger_records(const Request &request, Then<Result<Response>> then) {
    const Target &target = request.target;
    const auto after = target.number("after", 0, std::numeric_limits<std::int64_t>::max(), 0);
    const auto limit = target.number("limit", 1, ledger::Service::max_read, default_limit);
    const auto wait_ms = target.number("wait_ms", 0, max_wait_ms, 0);
    for (const auto *parameter : {&after, &limit, &wait_ms}) {
        if (!*parameter) {
            then(std::unexpected(parameter->error()));
            return;
        }
    }
    ledger_.await(*after, std::chrono::milliseconds(*wait_ms),
                  [this, first = *after, limit = *limit, then = std::move(then)]() mutable {
                      ledger_.read(first, limit,
                                   [first, then = std::move(then)](
                                       Result<std::vector<ledger::Record>> records) mutable {
                                       if (!records) {
                                           then(std::unexpected(std::move(records.error())));
                                           return;
                                       }
                                       boost::json::array list;
                                       for (const auto &record : *records) {
                                           list.push_back(to_json(record));
                                       }
                                       const std::uint64_t next =
                                           records->empty() ? first : records->back().sequence + 1;
                                       then(json_response({{"records", std::move(list)}, {"next", next}}));
                                   });
                  });
}

void Api::ledger_key(const Request & /*request*/, Then<Result<Response>> then) {
    then(ledger_.verifier_key().transform([this](const std::string &vkey) {
        boost::json::object body = {{"vkey", vkey}, {"cosigner_vkey", nullptr}};
        if (const auto cosigner = ledger_.cosigner_key()) {
            body["cosigner_vkey"] = *cosigner;
        }
        return json_response(body);
    }));
}

void Api::ledger_export(const Request & /*request*/, Then<Result<Response>> then) {
    ledger_.export_copy([then = std::move(then)](Result<Fd> file) mutable {
        if (!file) {
            then(std::unexpected(std::move(file.error())));
            return;
        }
        Response response;
        response.content_type = "application/vnd.sqlite3";
        response.file = std::move(*file);
        then(std::move(response));
    });
}

void Api::attest(const Request &request, Then<Result<Response>> then) {
    auto wanted = parse_attest_request(request.body);
    if (!wanted) {
        then(std::unexpected(std::move(wanted.error())));
        return;
    }
    tpm_.quote(wanted->nonce, wanted->pcrs,
               [this, wanted = *wanted, peer = request.peer,
                then = std::move(then)](Result<tpm::Quote> quote) mutable {
                   // Nobody gets an attestation of which the ledger does not know.
                   std::vector<ledger::Record> records;
                   records.push_back(attest_record(ledger_, peer, wanted, quote));
                   ledger_.append(std::move(records), [quote = std::move(quote), then = std::move(then)](
                                                          Result<ledger::Appended> kept) mutable {
                       if (!quote || !kept) {
                           then(std::unexpected(!quote ? std::move(quote.error()) : std::move(kept.error())));
                           return;
                       }
                       then(json_response(quote_json(*quote)));
                   });
               });
}

void Api::device_attest(const Request &request, Then<Result<Response>> then) {
    device_.attest(request, std::move(then));
}

void Api::device_provision(const Request &request, Then<Result<Response>> then) {
    device_.provision(request, std::move(then));
}

void Api::device_seal(const Request &request, Then<Result<Response>> then) {
    device_.seal(request, std::move(then));
}

void Api::device_unseal(const Request &request, Then<Result<Response>> then) {
    device_.unseal(request, std::move(then));
}

void Api::tpm_certify(const Request &request, Then<Result<Response>> then) {
    identity_.certify(request, std::move(then));
}

void Api::identity_show(const Request &request, Then<Result<Response>> then) {
    identity_.show(request, std::move(then));
}

void Api::identity_activate(const Request &request, Then<Result<Response>> then) {
    identity_.activate(request, std::move(then));
}

void Api::device_sign_event(const Request &request, Then<Result<Response>> then) {
    device_.sign_event(request, std::move(then));
}

// When the TPM does not answer in time, what was last seen of it must do.
void Api::tpm_status(const Request & /*request*/, Then<Result<Response>> then) {
    tpm_.status([this, then = std::move(then)](const Result<tpm::Status> &seen) mutable {
        const bool ready = !tpm_.trouble();
        then(json_response(tpm_json(tpm_, seen    ? std::optional(*seen)
                                          : ready ? tpm_.last_status()
                                                  : std::nullopt)));
    });
}

void Api::metrics(const Request & /*request*/, Then<Result<Response>> then) {
    Response response;
    response.content_type = prometheus::content_type;
    response.body =
        metrics_text(ledger_, tpm_,
                     {.sinks = sinks_ != nullptr ? sinks_->status() : std::vector<sinks::Status>{},
                      .audit = audit_ != nullptr ? audit_->counts() : ingest::AuditCounts{}});
    then(std::move(response));
}

void Api::openapi(const Request & /*request*/, Then<Result<Response>> then) {
    Response response;
    response.body = openapi_document();
    then(std::move(response));
}

} // namespace dsmil::api
