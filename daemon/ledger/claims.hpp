// SPDX-License-Identifier: Apache-2.0
// What signed checkpoints say about a tree that is being recomputed from its
// records. Memory does not grow with their number. Inner header of ledger/.
#pragma once

#include "base/sha256.hpp"
#include "dsmil/error.hpp"
#include "ledger/checkpoint.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace dsmil::ledger {

class Claims {
  public:
    struct One {
        std::string name; // "checkpoint 3", "the held checkpoint"
        std::uint64_t size = 0;
        Hash root{};
    };

    // A checkpoint whose signature holds, in order of size, with the recomputed root of its size:
    // nothing when the records end before. `held`: it comes from elsewhere.
    void take(std::string name, const Checkpoint &checkpoint, const std::optional<Hash> &recomputed,
              bool held);

    // Each names the first thing that is wrong.
    // forked: two of them that no single history can satisfy.
    [[nodiscard]] Result<void> judge_forks() const;
    // tampered: records before this size are not those that were signed.
    [[nodiscard]] Result<void> judge_roots() const;
    // cut: there are fewer records than one of them covers.
    [[nodiscard]] Result<void> judge_length(std::uint64_t records) const;

    // Whether one of them shows that the record is as it was signed.
    [[nodiscard]] bool cover(std::uint64_t record) const { return good_ && good_->size > record; }
    [[nodiscard]] std::uint64_t own() const { return own_; }           // how many come from the log itself
    [[nodiscard]] std::uint64_t own_size() const { return own_size_; } // of the newest of those

  private:
    std::optional<One> previous_;
    std::optional<One> good_; // the newest that holds
    std::optional<One> bad_;  // the first that does not
    std::uint64_t good_before_bad_ = 0;
    std::string fork_; // two of one size
    std::uint64_t own_ = 0;
    std::uint64_t own_size_ = 0;
};

} // namespace dsmil::ledger
