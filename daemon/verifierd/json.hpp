// SPDX-License-Identifier: Apache-2.0
// What the verifier answers, as JSON (docs/api/verifierd.json).
#pragma once

#include "verifierd/service.hpp"

#include <boost/json/object.hpp>

namespace dsmil::verifierd {

[[nodiscard]] boost::json::object challenge_json(const Challenge &challenge);
// With what the machine must show.
[[nodiscard]] boost::json::object session_json(const Session &session, const Rule *rule);
[[nodiscard]] boost::json::object machine_json(const MachineView &view);
// `body` of the record with number, time, outcome and token.
[[nodiscard]] boost::json::object record_json(const Record &record);

} // namespace dsmil::verifierd
