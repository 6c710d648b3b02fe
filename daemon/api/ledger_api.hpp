// SPDX-License-Identifier: Apache-2.0
// How the ledger is, and what the TPM remembers of it.
#pragma once

#include "api/message.hpp"
#include "ledger/service.hpp"

#include <boost/json/object.hpp>

namespace dsmil::api {

// What GET /v1/ledger answers (schema Ledger in docs/api/openapi.json).
[[nodiscard]] boost::json::object ledger_json(const ledger::Service &ledger);

class LedgerApi {
  public:
    explicit LedgerApi(ledger::Service &ledger) : ledger_(ledger) {}

    // The TPM's word about what it remembers, over the caller's nonce. Recorded.
    void evidence(const Request &request, Then<Result<Response>> then);
    // The chain of anchors begins anew with what the TPM holds. Recorded before it is done.
    void adopt(const Request &request, Then<Result<Response>> then);

  private:
    ledger::Service &ledger_;
};

} // namespace dsmil::api
