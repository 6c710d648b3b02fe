// SPDX-License-Identifier: Apache-2.0
// Reading a ledger beside its writer, and clean copies of it.
#pragma once

#include "ledger/database.hpp"
#include "ledger/ledger.hpp"
#include "ledger/record.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::ledger {

// A second, read-only connection, for another thread than the writer's.
class LedgerReader {
  public:
    [[nodiscard]] static Result<LedgerReader> open(const std::string &path);

    // At most `limit` records from `first` on.
    [[nodiscard]] Result<std::vector<Record>> records(std::uint64_t first, std::uint64_t limit);

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
