// SPDX-License-Identifier: Apache-2.0
// What the daemon looks at before it goes on with a ledger: its newest part,
// so that neither time nor memory grow with the file. `dsmilctl audit verify`
// looks at all of it. Inner header of ledger/.
#pragma once

#include "ledger/database.hpp"
#include "ledger/schema.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace dsmil::ledger {

// So many of the newest records are hashed again, some tenths of a second's work,
// and so many of the newest checkpoints held against them.
inline constexpr std::uint64_t start_check_records = 65'536;
inline constexpr std::uint64_t start_check_checkpoints = 1'024;

struct StartReport {
    std::uint64_t format = 0;
    std::uint64_t size = 0;
    Meta meta;
    std::optional<std::string> last_note;
    std::uint64_t last_note_size = 0;
    std::uint64_t newest_realtime_ns = 0; // of the newest record; zero: none
};

// Without a key, so every checkpoint counts for signed: the tables, the newest
// `records` records against their tiles, the newest checkpoints against the tree,
// the places in the rings. Each detail names the first thing that is wrong.
//   tampered   a record, tile, checkpoint or place is not what the tree has
//   cut        there are fewer records than the last checkpoint, or the tree, has
//   failed     no ledger of this release
[[nodiscard]] Result<StartReport> check_at_start(Database &database,
                                                 std::uint64_t records = start_check_records);

} // namespace dsmil::ledger
