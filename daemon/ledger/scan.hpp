// SPDX-License-Identifier: Apache-2.0
// One pass over the records of a ledger file: what the verdict is made of.
// Inner header of ledger/.
#pragma once

#include "ledger/checkpoint.hpp"
#include "ledger/database.hpp"
#include "ledger/schema.hpp"
#include "ledger/tree.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dsmil::ledger {

// A checkpoint to hold the records against.
struct Claim {
    Checkpoint checkpoint;
    std::string name;          // "checkpoint 3", "the held checkpoint"
    std::optional<bool> holds; // set by scan(); nothing when there are too few records
};

struct Scan {
    std::uint64_t size = 0; // records
    Hash root{};
    RingPositions rings; // of the records that were looked at
    std::uint64_t newest_realtime_ns = 0;
    std::optional<std::uint64_t> first_bad_leaf; // the first record whose hash is not in its tile
    std::string first_bad_tile;                  // names it; empty: none
    std::string first_bad_content;               // of a record that is none; empty: none
    std::uint64_t tile_leaves = 0;               // how many records the stored tiles speak of
};

// Where checkpoints come from, by size.
class ClaimSource {
  public:
    ClaimSource() = default;
    virtual ~ClaimSource() = default;
    ClaimSource(const ClaimSource &) = delete;
    ClaimSource &operator=(const ClaimSource &) = delete;
    // The size of the next one; nothing after the last.
    [[nodiscard]] virtual std::optional<std::uint64_t> next_size() const = 0;
    // Takes it, with the root of its size, or without one when there are fewer records.
    [[nodiscard]] virtual Result<void> take(const std::optional<Hash> &root) = 0;
};

// tampered: a record in the middle is missing.
// `from` is the edge of the tree of so many records that are not looked at, a
// multiple of 256 of them; no claim may cover fewer.
[[nodiscard]] Result<Scan> scan(Database &database, ClaimSource &claims, Edge from = {});

// Claims must be ordered by size; each gets its `holds`.
[[nodiscard]] Result<Scan> scan(Database &database, std::vector<Claim> &claims, Edge from = {});

} // namespace dsmil::ledger
