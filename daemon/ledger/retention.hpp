// SPDX-License-Identifier: Apache-2.0
// Which of the oldest records a ledger may forget. Their hashes stay in the
// tree for ever, and a record tells what was forgotten and why (docs/ledger.md).
#pragma once

#include "dsmil/error.hpp"
#include "ledger/database.hpp"
#include "ledger/record.hpp"
#include "ledger/schema.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dsmil::ledger {

// Records go in bundles of 256, the oldest first, at most so many at a time.
inline constexpr std::uint64_t max_pruned_bundles = 64;

inline constexpr std::string_view pruned_action = "pruned";

// More do not fit into the record that tells of them.
inline constexpr std::size_t max_pruned_rings = 2'500;

struct Retention {
    std::optional<std::uint64_t> before_ns;    // what happened before (CLOCK_REALTIME) may go
    std::optional<std::uint64_t> keep_records; // what is older than the newest so many may go

    [[nodiscard]] bool forgets() const { return before_ns || keep_records; }
};

struct Pruned {
    std::uint64_t from = 0;  // the first record that there was
    std::uint64_t first = 0; // that there is now; the same when there was nothing to prune
    bool more = false;       // the policy lets more go, with another call
};

// What a policy lets go of: the records below `first`, of those below `covered`, which a
// signed checkpoint covers. `from` is the first that is there. A record whose time
// cannot be read stays, and what came after it.
[[nodiscard]] Result<Pruned> plan_pruning(Database &database, const Retention &policy, std::uint64_t from,
                                          std::uint64_t covered, std::uint64_t size);

// Adds to a record of the daemon what was pruned, by which policy, and where the rings are: the
// records that say so may be among those that go. failed: there are more than max_pruned_rings.
[[nodiscard]] Result<void> describe_pruning(Record &record, const Retention &policy, const Pruned &pruned,
                                            const RingPositions &rings);

// What a record of the daemon says that was pruned: the first that was left, and the rings.
struct PrunedRecord {
    std::uint64_t first = 0;
    RingPositions rings;
};
// Nothing for any other record, and for one that is malformed.
[[nodiscard]] std::optional<PrunedRecord> read_pruning(const Record &record);

} // namespace dsmil::ledger
