// SPDX-License-Identifier: Apache-2.0
// The tables of a ledger file (docs/ledger.md).
#pragma once

#include "base/host.hpp"
#include "ledger/database.hpp"
#include "ledger/tree.hpp"

#include <map>
#include <string>

namespace dsmil::ledger {

inline constexpr std::uint64_t file_format = 1; // PRAGMA user_version

// Where each module load's ring has been read to: the next sequence.
using RingPositions = std::map<Id128, std::uint64_t>;

struct Meta {
    std::string origin;
    RingPositions rings;
    bool operator==(const Meta &) const = default;
};

// Makes the tables in an empty file, within a transaction of its own.
[[nodiscard]] Result<void> create_tables(Database &database, const std::string &origin);

// True for a file without any table (a new one).
[[nodiscard]] Result<bool> is_empty(Database &database);

// failed when the file is no ledger, or one of another release. A table, index,
// view or trigger more or less than ours makes it no ledger.
[[nodiscard]] Result<void> check_tables(Database &database);

// tampered when it holds anything that does not belong there.
[[nodiscard]] Result<Meta> read_meta(Database &database);
[[nodiscard]] Result<void> write_ring(Database &database, const Id128 &load_id, std::uint64_t next);

// How many records there are, taking for granted that none is missing.
[[nodiscard]] Result<std::uint64_t> count_records(Database &database);

// The hashes of a stored tile; none when it is not there. tampered when it is no
// row of 1 .. 256 hashes.
[[nodiscard]] Result<std::vector<Hash>> read_tile(Database &database, unsigned level, std::uint64_t index);
[[nodiscard]] Result<void> write_tile(Database &database, unsigned level, std::uint64_t index,
                                      std::span<const Hash> hashes);

// The right edge of the tree of the first `size` leaves, from the stored tiles.
[[nodiscard]] Result<Edge> read_edge(Database &database, std::uint64_t size);

} // namespace dsmil::ledger
