// SPDX-License-Identifier: Apache-2.0
// How often each caller may ask: a bucket of tokens each. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace dsmil::verifierd {

class RateLimit {
  public:
    static constexpr std::size_t max_callers = 16'384; // buckets; those that are full need none

    // `per_minute` on the average, and as many at once.
    explicit RateLimit(std::uint32_t per_minute) : per_minute_(per_minute) {}

    // Whether `caller` may ask now; `now_ns` never goes back. With max_callers buckets that are not
    // full, nobody new may.
    [[nodiscard]] bool take(std::string_view caller, std::uint64_t now_ns);
    [[nodiscard]] std::size_t callers() const { return buckets_.size(); }

  private:
    struct Bucket {
        std::uint64_t spent_ns = 0; // until when it is full again
    };
    std::uint32_t per_minute_;
    std::map<std::string, Bucket, std::less<>> buckets_;
};

} // namespace dsmil::verifierd
