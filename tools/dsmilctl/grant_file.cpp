// SPDX-License-Identifier: Apache-2.0
#include "grant_file.hpp"

#include "new_file.hpp"

#include <format>
#include <linux/dsmil.h>

namespace dsmilctl {

dsmil::Result<std::vector<std::uint8_t>> read_grant(const std::string &path) {
    // One more than the longest, so that a file that is too long is seen to be.
    const auto bytes = read_file(path, DSMIL_GRANT_BYTES(DSMIL_GRANT_SIGNERS_MAX) + 1);
    if (!bytes) {
        return std::unexpected(bytes.error());
    }
    if (bytes->size() != DSMIL_GRANT_BYTES(1) && bytes->size() != DSMIL_GRANT_BYTES(2)) {
        return dsmil::fail(dsmil::Code::usage, std::format("{} is no grant", path));
    }
    return std::vector<std::uint8_t>(bytes->begin(), bytes->end());
}

} // namespace dsmilctl
