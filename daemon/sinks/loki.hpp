// SPDX-License-Identifier: Apache-2.0
// What is pushed to Grafana Loki, and where. Pure. Inner header of sinks/.
#pragma once

#include "dsmil/error.hpp"
#include "ledger/record.hpp"

#include <span>
#include <string>
#include <string_view>

namespace dsmil::sinks {

struct LokiUrl {
    std::string host;
    std::string port; // 3100 when it is not said
    std::string path; // /loki/api/v1/push when it is not said
};

// config_invalid when it is no http://HOST[:PORT]/PATH.
[[nodiscard]] Result<LokiUrl> parse_loki_url(std::string_view text);

// A stream for each source and outcome, so that there are few; a record's JSON is its line.
[[nodiscard]] std::string loki_body(std::span<const ledger::Record> records, const std::string &origin);

} // namespace dsmil::sinks
