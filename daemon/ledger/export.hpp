// SPDX-License-Identifier: Apache-2.0
// Reading a ledger beside its writer, and clean copies of it.
#pragma once

#include "ledger/database.hpp"
#include "ledger/ledger.hpp"
#include "ledger/query.hpp"
#include "ledger/record.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::ledger {

// A page of what a search found.
struct Found {
    std::vector<Record> records;
    std::uint64_t next = 0; // where the search goes on
    bool complete = false;  // it looked at everything there is
};

// A second, read-only connection, for another thread than the writer's.
class LedgerReader {
  public:
    [[nodiscard]] static Result<LedgerReader> open(const std::string &path);
    // The same of a file that may be anything: failed when it is no ledger.
    [[nodiscard]] static Result<LedgerReader> open_copy(const std::string &path);

    // At most `limit` records from `first` on.
    [[nodiscard]] Result<std::vector<Record>> records(std::uint64_t first, std::uint64_t limit);

    // How much one search() does, so that a page takes some tenths of a second at most.
    static constexpr std::uint64_t max_searched = 20'000;       // records that are looked at
    static constexpr std::uint64_t max_found_bytes = 4U << 20U; // of the records that are found

    // From record `first` on those that match, at most `limit` of them, oldest first.
    [[nodiscard]] Result<Found> search(const Query &query, std::uint64_t first, std::uint64_t limit);

    // A copy of one moment in a new file without a -wal: its head. disk_full.
    [[nodiscard]] Result<Head> copy_to(const std::string &path);

  private:
    explicit LedgerReader(Database database) : database_(std::move(database)) {}
    Database database_;
};

// Adds a signed checkpoint, and its quote, to such a copy.
[[nodiscard]] Result<void> seal_copy(const std::string &path, std::uint64_t size, std::string_view note,
                                     const std::optional<Quote> &quote = {});

} // namespace dsmil::ledger
