// SPDX-License-Identifier: Apache-2.0
#include "tpm/timing.hpp"

#include <algorithm>
#include <cmath>

namespace dsmil::tpm {

void Histogram::add(std::chrono::nanoseconds duration) {
    std::size_t bucket = 0;
    while (bucket + 1 < bucket_count && duration > bound(bucket)) {
        bucket++;
    }
    buckets_.at(bucket)++;
    count_++;
    sum_ += duration;
    longest_ = std::max(longest_, duration);
}

std::chrono::nanoseconds Histogram::quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket + 1 < bucket_count; bucket++) {
        seen += buckets_.at(bucket);
        if (seen >= wanted) {
            return std::min<std::chrono::nanoseconds>(bound(bucket), longest_);
        }
    }
    return longest_;
}

void Timings::add(std::string_view command, std::chrono::nanoseconds duration, std::string_view error) {
    const std::scoped_lock lock(mutex_);
    auto found = counted_.commands.find(command);
    if (found == counted_.commands.end()) {
        found = counted_.commands.emplace(command, Histogram{}).first;
    }
    found->second.add(duration);
    if (!error.empty()) {
        counted_.errors[std::string(error)]++;
    }
}

Timings::Snapshot Timings::snapshot() const {
    const std::scoped_lock lock(mutex_);
    return counted_;
}

} // namespace dsmil::tpm
