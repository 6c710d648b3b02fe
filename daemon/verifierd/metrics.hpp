// SPDX-License-Identifier: Apache-2.0
// The verifier's numbers in Prometheus' text format.
#pragma once

#include "https/server.hpp"
#include "verifierd/service.hpp"

namespace dsmil::verifierd {

struct Numbers {
    const Service::Numbers &numbers;
    const std::vector<MachineView> &machines;
    https::ServerNumbers server;
    std::uint64_t rate_limited = 0;
    std::uint64_t pulls = 0;
    std::uint64_t pulls_failed = 0;
    std::size_t waiting = 0; // requests for the service
};

[[nodiscard]] std::string metrics_text(const Numbers &all);

} // namespace dsmil::verifierd
