// SPDX-License-Identifier: Apache-2.0
#include "grant_file.hpp"

#include <format>
#include <fstream>
#include <linux/dsmil.h>

namespace dsmilctl {

dsmil::Result<std::vector<std::uint8_t>> read_grant(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<std::uint8_t> bytes;
    // One more than the longest, so that a file that is too long is seen to be.
    bytes.resize(DSMIL_GRANT_BYTES(DSMIL_GRANT_SIGNERS_MAX) + 1);
    file.read(reinterpret_cast<char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    if (bytes.size() != DSMIL_GRANT_BYTES(1) && bytes.size() != DSMIL_GRANT_BYTES(2)) {
        return dsmil::fail(dsmil::Code::usage, std::format("{} cannot be read or is no grant", path));
    }
    return bytes;
}

} // namespace dsmilctl
