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

inline constexpr std::size_t max_adoptions = 65'536; // the TPM's wear budget allows fewer in a year

struct Scan {
    std::uint64_t size = 0; // records
    Hash root{};
    RingPositions rings;                 // of the records that were looked at
    std::optional<std::uint64_t> pruned; // the first that was left, as the newest record about that says
    RingPositions pruned_rings;          // and where the rings were then
    std::vector<std::uint64_t>
        adoptions; // records that say that the TPM's memory began anew, max_adoptions at most
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

// tampered: a record from `first` on is missing, or one before is there. Of those before, the
// stored leaves stand for the records.
// `from` is the edge of the tree of so many records that are not looked at, a
// multiple of 256 of them; no claim may cover fewer.
[[nodiscard]] Result<Scan> scan(Database &database, ClaimSource &claims, std::uint64_t first = 0,
                                Edge from = {});

// Claims must be ordered by size; each gets its `holds`.
[[nodiscard]] Result<Scan> scan(Database &database, std::vector<Claim> &claims, std::uint64_t first = 0,
                                Edge from = {});

// tampered: records below `first` are gone, and the newest record about that says otherwise.
[[nodiscard]] Result<void> judge_pruning(const Scan &scan, std::uint64_t first);

// Whether the places in the rings are those of the records, of which all that are there were looked at.
[[nodiscard]] bool rings_fit(const Scan &scan, const Meta &meta);

} // namespace dsmil::ledger
