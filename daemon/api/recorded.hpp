// SPDX-License-Identifier: Apache-2.0
// Answers that go out only when the ledger has the record of what was done.
#pragma once

#include "api/message.hpp"
#include "base/reactor.hpp"
#include "ledger/service.hpp"

#include <boost/json/object.hpp>

namespace dsmil::api {

// Appends the record ("failed", with the error's name, when the result is one), then answers. What
// cannot be recorded is not told.
void answer_recorded(ledger::Service &ledger, ledger::Record record, Result<boost::json::object> result,
                     Then<Result<Response>> then);

} // namespace dsmil::api
