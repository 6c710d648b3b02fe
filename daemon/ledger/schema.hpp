// SPDX-License-Identifier: Apache-2.0
// The tables of a ledger file (docs/ledger.md).
#pragma once

#include "base/host.hpp"
#include "ledger/database.hpp"
#include "ledger/notary.hpp"
#include "ledger/tree.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace dsmil::ledger {

// PRAGMA user_version. A file of format 1 lacks the tables quotes and anchors;
// it can be read as it is, and upgrade() makes it one of today.
inline constexpr std::uint64_t file_format = 2;
inline constexpr std::uint64_t oldest_file_format = 1;

// Where each module load's ring has been read to: the next sequence.
using RingPositions = std::map<Id128, std::uint64_t>;

struct Meta {
    std::string origin;
    std::uint64_t first = 0; // the first record that is there: a multiple of 256; 0 until the first pruning
    RingPositions rings;
    bool operator==(const Meta &) const = default;
};

// Makes the tables in an empty file, within a transaction of its own.
[[nodiscard]] Result<void> create_tables(Database &database, const std::string &origin);

// True for a file without any table (a new one).
[[nodiscard]] Result<bool> is_empty(Database &database);

// The format of the file. failed when it is no ledger, or one of a later
// release. tampered: a table, index, view or trigger more or less than ours.
[[nodiscard]] Result<std::uint64_t> check_tables(Database &database);

// Adds what a file of `format` lacks, in one transaction; no row changes.
[[nodiscard]] Result<void> upgrade(Database &database, std::uint64_t format);

// tampered when it holds anything that does not belong there.
[[nodiscard]] Result<Meta> read_meta(Database &database);
[[nodiscard]] Result<Statement> prepare_meta(Database &database);
[[nodiscard]] Result<void> write_ring(Statement &put, const Id128 &load_id, std::uint64_t next);

// Forgets the records below `first`, within the caller's transaction.
[[nodiscard]] Result<void> prune_records(Database &database, std::uint64_t first);

// Adds a checkpoint, and the TPM's quote of it, in the caller's transaction.
[[nodiscard]] Result<void> put_checkpoint(Database &database, std::uint64_t size, std::string_view note,
                                          const std::optional<Quote> &quote);

// How many records there are or were, taking for granted that none is missing.
[[nodiscard]] Result<std::uint64_t> count_records(Database &database);

// The signed note of the newest checkpoint. not_signed when there is none.
[[nodiscard]] Result<std::string> newest_note(Database &database);

// The hashes of a stored tile; none when it is not there. tampered when it is no
// row of 1 .. 256 hashes.
[[nodiscard]] Result<std::vector<Hash>> read_tile(Database &database, unsigned level, std::uint64_t index);
[[nodiscard]] Result<void> write_tile(Database &database, unsigned level, std::uint64_t index,
                                      std::span<const Hash> hashes);

// The same with a statement that is prepared once.
[[nodiscard]] Result<Statement> prepare_tile(Database &database);
[[nodiscard]] Result<void> write_tile(Statement &put, unsigned level, std::uint64_t index,
                                      std::span<const Hash> hashes);

// The right edge of the tree of the first `size` leaves, from the stored tiles.
[[nodiscard]] Result<Edge> read_edge(Database &database, std::uint64_t size);

} // namespace dsmil::ledger
