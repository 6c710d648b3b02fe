// SPDX-License-Identifier: Apache-2.0
// Where C2SP tlog-tiles keeps what, relative to the log's folder or URL.
#pragma once

#include <cstdint>
#include <string>

namespace dsmil::ledger {

// "tile/0/x001/234", and with a width below 256 "tile/0/x001/234.p/5".
[[nodiscard]] std::string tile_path(unsigned level, std::uint64_t index, std::uint64_t width);
// "tile/entries/x001/234", likewise.
[[nodiscard]] std::string entries_path(std::uint64_t index, std::uint64_t width);

} // namespace dsmil::ledger
