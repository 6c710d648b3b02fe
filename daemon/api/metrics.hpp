// SPDX-License-Identifier: Apache-2.0
// The daemon's numbers in Prometheus' text format, version 0.0.4.
#pragma once

#include "base/prometheus.hpp"
#include "ingest/audit_source.hpp"
#include "ledger/service.hpp"
#include "sinks/feed.hpp"
#include "tpm/service.hpp"

#include <string>
#include <vector>

namespace dsmil::api {

// What comes from and goes to other logs.
struct Beside {
    std::vector<sinks::Status> sinks;
    ingest::AuditCounts audit;
};

// Asks nobody: what was counted, and what was last seen of the TPM.
[[nodiscard]] std::string metrics_text(const ledger::Service &ledger, const tpm::Service &tpm,
                                       const Beside &beside);

} // namespace dsmil::api
