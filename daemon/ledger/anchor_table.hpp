// SPDX-License-Identifier: Apache-2.0
// The anchors in a ledger file. Inner header of ledger/.
#pragma once

#include "ledger/anchor.hpp"
#include "ledger/database.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace dsmil::ledger {

// What is known at the start.
struct AnchorBook {
    std::optional<Anchor> previous;
    std::optional<Anchor> last;
    std::vector<std::uint64_t> times; // at_ns of the newest ones since a time, oldest first
};

// The last two, and when the newest `limit` ones after `since_ns` were made. tampered when a row is
// malformed, or does not follow from its checkpoint and the row before it.
[[nodiscard]] Result<AnchorBook> read_anchors(Database &database, std::uint64_t since_ns, std::size_t limit);

// Adds an anchor of the newest checkpoint as pending; `before` is what the index holds. not_found when
// there is no checkpoint.
[[nodiscard]] Result<Anchor> put_anchor(Database &database, std::uint64_t at_ns, AnchorReason reason,
                                        const Hash &before);
// It is pending no more.
[[nodiscard]] Result<void> finish_anchor(Database &database, std::uint64_t id, std::uint64_t count);

// The rows of a file, in order, each checked against its checkpoint and the one before it; only the last may
// be pending.
class AnchorRows {
  public:
    [[nodiscard]] static Result<AnchorRows> open(Database &database);
    // Nothing at the end.
    [[nodiscard]] Result<std::optional<Anchor>> next();

  private:
    explicit AnchorRows(Statement rows) : rows_(std::move(rows)) {}
    Statement rows_;
    std::optional<Anchor> last_;
};

} // namespace dsmil::ledger
