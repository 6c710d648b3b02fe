// SPDX-License-Identifier: Apache-2.0
// SHA-512 of many messages; Hashing::hash512_many() has checked the spans.
#pragma once

#include "accel/hashing.hpp"

namespace dsmil::accel {

[[nodiscard]] Result<void> sha512_many(Tier tier, std::span<const ByteView> messages,
                                       std::span<Hash512> digests);

} // namespace dsmil::accel
