// SPDX-License-Identifier: Apache-2.0
// The daemon's numbers in Prometheus' text format, version 0.0.4.
#pragma once

#include "base/prometheus.hpp"
#include "ledger/service.hpp"
#include "sinks/feed.hpp"
#include "tpm/service.hpp"

#include <string>
#include <vector>

namespace dsmil::api {

// Asks nobody: what was counted, and what was last seen of the TPM.
[[nodiscard]] std::string metrics_text(const ledger::Service &ledger, const tpm::Service &tpm,
                                       const std::vector<sinks::Status> &sinks);

} // namespace dsmil::api
