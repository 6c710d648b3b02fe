// SPDX-License-Identifier: Apache-2.0
#include "verifierd/rate_limit.hpp"

#include <algorithm>

namespace dsmil::verifierd {
namespace {

constexpr std::uint64_t minute_ns = 60'000'000'000;

} // namespace

bool RateLimit::take(std::string_view caller, std::uint64_t now_ns) {
    auto found = buckets_.find(caller);
    if (found == buckets_.end()) {
        if (buckets_.size() >= max_callers) {
            std::erase_if(buckets_, [&](const auto &entry) { return entry.second.spent_ns <= now_ns; });
        }
        if (buckets_.size() >= max_callers) {
            return false;
        }
        found = buckets_.emplace(caller, Bucket{}).first;
    }
    const std::uint64_t full = std::max(found->second.spent_ns, now_ns) + minute_ns / per_minute_;
    if (full > now_ns + minute_ns) {
        return false;
    }
    found->second.spent_ns = full;
    return true;
}

} // namespace dsmil::verifierd
