// SPDX-License-Identifier: Apache-2.0
// What the ledger's benchmarks share: records like the module's, times, and an end at the first error.
#pragma once

#include "dsmil/error.hpp"
#include "ledger/record.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace dsmil::ledger {

template <typename T>
T require(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s\n", result.error().detail.c_str());
        for (const auto &cause : result.error().causes) {
            std::fprintf(stderr, "  %s\n", cause.c_str());
        }
        std::exit(1);
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(*result);
    }
}

inline double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

template <typename Work>
double microseconds(Work work) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    work();
    return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

// A read as the module records it; one device after the other.
inline Record event(std::uint64_t number) {
    Record record;
    record.boottime_ns = 1'000'000'000'000 + number * 1'000;
    record.realtime_ns = 1'700'000'000'000'000'000 + number * 1'000;
    record.boot_id.fill(9);
    record.source = "kernel";
    record.ring.emplace();
    record.ring->load_id.fill(7);
    record.ring->sequence = number + 1;
    record.device_id = static_cast<std::uint16_t>(0x8000 + number % 108);
    record.reg = 0;
    record.token = static_cast<std::uint16_t>(0x8000 + number % 108 * 3);
    record.actor = Actor{1000, 4242, "dsmilctl", 4711};
    record.action = "read";
    record.outcome = "ok";
    record.values = {{"value", number}};
    record.context = {{"firmware", std::string("dell")}, {"risk", std::string("monitored")}};
    return record;
}

} // namespace dsmil::ledger
