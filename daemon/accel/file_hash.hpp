// SPDX-License-Identifier: Apache-2.0
// Digests of files, many at a time. Small files are read together and hashed in
// one batch; a large one is read in pieces, alone.
#pragma once

#include "accel/hashing.hpp"

#include <string>
#include <vector>

namespace dsmil::accel {

enum class Algorithm : std::uint8_t { sha256, sha512 };

inline constexpr std::size_t max_batched_file_bytes = std::size_t{1} << 20;
inline constexpr std::size_t max_batch_bytes = std::size_t{64} << 20; // of memory, at most
inline constexpr std::size_t max_batch_files = 1024;

// The digests in the order of the paths, 32 or 64 bytes each. The first file that cannot be read
// (not_found, permission, failed) is the error, and there are no digests.
[[nodiscard]] Result<std::vector<Bytes>> hash_files(const Hashing &hashing, Algorithm algorithm,
                                                    const std::vector<std::string> &paths);

} // namespace dsmil::accel
