// SPDX-License-Identifier: Apache-2.0
// SHA-256 of messages one after the other, or two at once where the kernels can.
#pragma once

#include "accel/sha256_kernels.hpp"

#include <span>

namespace dsmil::accel {

// Writes the digest of each entry.
void hash_sequentially(const Sha256Kernels &kernels, std::span<const Sha256Entry> entries, bool zero_before);

// Brings the lanes that are live to their end.
void hash_rest(const Sha256Kernels &kernels, Sha256Lanes &lanes);

} // namespace dsmil::accel
