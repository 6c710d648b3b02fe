// SPDX-License-Identifier: Apache-2.0
// A record in the forms that other logs take. Pure. Inner header of sinks/.
#pragma once

#include "ledger/record.hpp"

#include <string>
#include <vector>

namespace dsmil::sinks {

// The JSON of the API, without a newline.
[[nodiscard]] std::string json_text(const ledger::Record &record);

// A line for people: "write refused: device 0x8009, uid 1000, dsmilctl[77]".
[[nodiscard]] std::string summary(const ledger::Record &record);

// What syslog calls severity: 6 when all went well, else 4.
[[nodiscard]] unsigned severity(const ledger::Record &record);

// NAME=value for the journal; all of the record is in DSMIL_RECORD.
[[nodiscard]] std::vector<std::string> journal_fields(const ledger::Record &record);

// "<132>Jan  1 00:00:00 dsmil-ledger: {...}": facility local0, the time in UTC.
[[nodiscard]] std::string syslog_line(const ledger::Record &record);

} // namespace dsmil::sinks
