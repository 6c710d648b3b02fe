// SPDX-License-Identifier: Apache-2.0
// How long the TPM's commands take and how they fail, counted. The TPM's thread
// adds, any thread reads.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace dsmil::tpm {

// Of durations: buckets that double from 62 microseconds on, and the rest. A quantile is
// the upper bound of the bucket that holds it, so never too small and at most
// twice too large.
class Histogram {
  public:
    static constexpr std::size_t bucket_count = 20;
    // The upper bound of a bucket but the last, which has none.
    [[nodiscard]] static constexpr std::chrono::microseconds bound(std::size_t bucket) {
        return std::chrono::microseconds((std::uint64_t{125} << bucket) / 2);
    }

    void add(std::chrono::nanoseconds duration);
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::chrono::nanoseconds sum() const { return sum_; }
    [[nodiscard]] std::chrono::nanoseconds longest() const { return longest_; }
    [[nodiscard]] const std::array<std::uint64_t, bucket_count> &buckets() const { return buckets_; }
    // Of `share` (0 < share <= 1) of all; 0 when there are none.
    [[nodiscard]] std::chrono::nanoseconds quantile(double share) const;

  private:
    std::array<std::uint64_t, bucket_count> buckets_{};
    std::uint64_t count_ = 0;
    std::chrono::nanoseconds sum_{0};
    std::chrono::nanoseconds longest_{0};
};

class Timings {
  public:
    struct Snapshot {
        std::map<std::string, Histogram, std::less<>> commands;
        std::map<std::string, std::uint64_t, std::less<>> errors; // by class
    };

    // `error` is empty when it went well. Names come from our own sources: there
    // are no more of them than commands.
    void add(std::string_view command, std::chrono::nanoseconds duration, std::string_view error);
    [[nodiscard]] Snapshot snapshot() const;

  private:
    mutable std::mutex mutex_;
    Snapshot counted_;
};

} // namespace dsmil::tpm
