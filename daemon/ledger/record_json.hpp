// SPDX-License-Identifier: Apache-2.0
// A record as the API shows it (schema Record in docs/api/openapi.json).
#pragma once

#include "ledger/record.hpp"

#include <boost/json/object.hpp>

namespace dsmil::ledger {

[[nodiscard]] boost::json::object to_json(const Record &record);

} // namespace dsmil::ledger
