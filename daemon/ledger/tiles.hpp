// SPDX-License-Identifier: Apache-2.0
// A ledger file as a folder of plain files, as C2SP tlog-tiles has them, for
// every program that reads those: the newest checkpoint, the tree in tiles of
// 256 hashes, and the records in bundles of 256.
#pragma once

#include "dsmil/error.hpp"

#include <cstdint>
#include <string>

namespace dsmil::ledger {

struct TilesReport {
    std::string origin;
    std::uint64_t size = 0;  // records that the checkpoint covers
    std::uint64_t files = 0; // written, the checkpoint included
};

// `directory` must not be there, or be empty; it appears when it is whole.
//   not_signed   the file has no checkpoint
//   tampered, cut   the tree is not the one that the checkpoint signs
//   exists, disk_full, permission, not_found, failed
[[nodiscard]] Result<TilesReport> write_tiles(const std::string &ledger, const std::string &directory);

// Brings a folder that it made earlier, or an empty one, up to the newest checkpoint, file by file,
// the checkpoint last: readers see a whole log at any time, and what a crash left is taken up again.
// Bundles of records that were pruned since stay.
//   conflict       the folder is of another log
//   tampered, cut  the ledger is not a continuation of what the folder has
//   and as above
[[nodiscard]] Result<TilesReport> update_tiles(const std::string &ledger, const std::string &directory);

} // namespace dsmil::ledger
