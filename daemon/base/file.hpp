// SPDX-License-Identifier: Apache-2.0
// Small files, whole.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"
#include "dsmil/fd.hpp"

#include <cstddef>
#include <string>

namespace dsmil {

// not_found, permission, failed; failed also when it has more than max_bytes.
[[nodiscard]] Result<std::string> read_file(const std::string &path, std::size_t max_bytes);

// Durable and all or nothing: a temporary file beside it, synced and renamed.
// disk_full, permission, failed.
[[nodiscard]] Result<void> write_file(const std::string &path, ByteView content, unsigned mode);

// The daemon is alone in its state directory as long as the descriptor lives.
// conflict when another process has it.
[[nodiscard]] Result<Fd> lock_directory(const std::string &path);

} // namespace dsmil
