// SPDX-License-Identifier: Apache-2.0
// A log as somebody keeps it: a ledger file, or a folder of C2SP tlog-tiles of
// any log. Nothing here is verified; it may all be hostile, and every read is bounded.
#pragma once

#include "base/bytes.hpp"
#include "base/sha256.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dsmil::ledger {

class LogSource {
  public:
    // not_found, permission, failed (neither of the two).
    [[nodiscard]] static Result<std::unique_ptr<LogSource>> open(const std::string &path);
    LogSource() = default;
    virtual ~LogSource() = default;
    LogSource(const LogSource &) = delete;
    LogSource &operator=(const LogSource &) = delete;

    // The newest signed checkpoint. not_signed when there is none.
    [[nodiscard]] virtual Result<std::string> checkpoint() = 0;
    // At least the first `width` hashes of a tile, if it has so many. tampered when it is malformed.
    [[nodiscard]] virtual Result<std::vector<Hash>> tile(unsigned level, std::uint64_t index,
                                                         std::uint64_t width) = 0;
    // The first `width` records of bundle `index`: those from 256 * index on. not_found when they
    // are not there, tampered when they are malformed.
    [[nodiscard]] virtual Result<std::vector<Bytes>> entries(std::uint64_t index, std::uint64_t width) = 0;
};

// What a bundle of C2SP tlog-tiles holds; tampered when it is none of `width` entries.
[[nodiscard]] Result<std::vector<Bytes>> parse_bundle(ByteView bundle, std::uint64_t width);

// The hashes of a tile's bytes; tampered when they are none, or more than 256.
[[nodiscard]] Result<std::vector<Hash>> parse_tile(ByteView bytes);

} // namespace dsmil::ledger
