// SPDX-License-Identifier: Apache-2.0
// The operations of the API: one table of them, and what each does. No HTTP.
#pragma once

#include "api/device_api.hpp"
#include "api/identity_api.hpp"
#include "api/ledger_api.hpp"
#include "api/message.hpp"
#include "api/tpm_api.hpp"
#include "base/log.hpp"
#include "grants/service.hpp"
#include "ingest/audit_source.hpp"
#include "ledger/service.hpp"
#include "response/responder.hpp"
#include "sinks/sinks.hpp"
#include "tpm/service.hpp"

#include <span>
#include <string_view>

namespace dsmil::api {

class Api;

struct Route {
    Method method;
    std::string_view path;
    Role role; // at least
    void (Api::*handler)(const Request &request, Then<Result<Response>> then);
    std::span<const std::string_view> parameters; // of the query
};

// docs/api/openapi.json says the same, and a test compares.
[[nodiscard]] std::span<const Route> routes();

class Api {
  public:
    Api(const Log &log, ledger::Service &ledger, tpm::Service &tpm, DeviceApi device, IdentityApi identity,
        TpmApi chip, grants::Service &grants, response::Responder &responder, Roles roles)
        : log_(log), ledger_(ledger), tpm_(tpm), log_api_(ledger), device_(std::move(device)),
          identity_(std::move(identity)), chip_(std::move(chip)), grants_(grants), responder_(responder),
          roles_(std::move(roles)) {}

    // Lives longer than this.
    void show(const sinks::Sinks &sinks, const ingest::AuditSource &audit) {
        sinks_ = &sinks;
        audit_ = &audit;
    }

    // Checks the role, then does it. Calls back on the reactor's thread, perhaps
    // before it returns.
    void handle(const Request &request, Then<Response> then);

    void health(const Request &request, Then<Result<Response>> then);
    void ledger_show(const Request &request, Then<Result<Response>> then);
    void ledger_evidence(const Request &request, Then<Result<Response>> then) {
        log_api_.evidence(request, std::move(then));
    }
    void ledger_adopt(const Request &request, Then<Result<Response>> then) {
        log_api_.adopt(request, std::move(then));
    }
    void ledger_head(const Request &request, Then<Result<Response>> then);
    void ledger_records(const Request &request, Then<Result<Response>> then);
    // ledger_records.cpp
    void ledger_search(const Request &request, Then<Result<Response>> then);
    void ledger_prune(const Request &request, Then<Result<Response>> then);
    void ledger_sinks(const Request &request, Then<Result<Response>> then);
    void ledger_key(const Request &request, Then<Result<Response>> then);
    void ledger_export(const Request &request, Then<Result<Response>> then);
    void attest(const Request &request, Then<Result<Response>> then);
    void device_attest(const Request &request, Then<Result<Response>> then);
    void device_provision(const Request &request, Then<Result<Response>> then);
    void device_seal(const Request &request, Then<Result<Response>> then);
    void device_unseal(const Request &request, Then<Result<Response>> then);
    void identity_show(const Request &request, Then<Result<Response>> then);
    void identity_activate(const Request &request, Then<Result<Response>> then);
    void device_sign_event(const Request &request, Then<Result<Response>> then);
    void tpm_status(const Request &request, Then<Result<Response>> then);
    void tpm_certify(const Request &request, Then<Result<Response>> then);
    void metrics(const Request &request, Then<Result<Response>> then);
    template <TpmOperation operation>
    void on_tpm(const Request &request, Then<Result<Response>> then) {
        chip_.handle(operation, request, std::move(then));
    }
    // responses.cpp
    void device_responses(const Request &request, Then<Result<Response>> then);
    void device_clear(const Request &request, Then<Result<Response>> then);
    // grants.cpp
    void grants_list(const Request &request, Then<Result<Response>> then);
    void grants_item(const Request &request, Then<Result<Response>> then);
    void grants_key(const Request &request, Then<Result<Response>> then);
    void grants_request(const Request &request, Then<Result<Response>> then);
    void grants_approve(const Request &request, Then<Result<Response>> then);
    void grants_issue(const Request &request, Then<Result<Response>> then);
    void grants_revoke(const Request &request, Then<Result<Response>> then);
    void openapi(const Request &request, Then<Result<Response>> then);

  private:
    const Log &log_;
    ledger::Service &ledger_;
    tpm::Service &tpm_;
    LedgerApi log_api_;
    DeviceApi device_;
    IdentityApi identity_;
    TpmApi chip_;
    grants::Service &grants_;
    response::Responder &responder_;
    Roles roles_;
    const sinks::Sinks *sinks_ = nullptr;
    const ingest::AuditSource *audit_ = nullptr;
};

// The text of docs/api/openapi.json of this build.
[[nodiscard]] std::string_view openapi_document();

} // namespace dsmil::api
