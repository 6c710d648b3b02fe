// SPDX-License-Identifier: Apache-2.0
// What was done and is in the ledger before its answer goes out.
#pragma once

#include "api/message.hpp"
#include "ledger/service.hpp"

#include <boost/json/object.hpp>
#include <string>

namespace dsmil::api {

// A record of what `peer` had done, without an outcome.
[[nodiscard]] ledger::Record record_for(const ledger::Service &ledger, std::string action, const Peer &peer);

// Appends `record` with the outcome of `result`, then answers with it.
void answer_recorded(ledger::Service &ledger, ledger::Record record, Result<boost::json::object> result,
                     Then<Result<Response>> then);

[[nodiscard]] Response json_response(const boost::json::object &object);

} // namespace dsmil::api
