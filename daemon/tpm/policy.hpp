// SPDX-License-Identifier: Apache-2.0
// Policies as the TPM computes them (TPM 2.0 Library, Part 3, 23), by their
// digests alone: no TPM. All are SHA-256.
#pragma once

#include "base/bytes.hpp"
#include "base/sha256.hpp"
#include "dsmil/error.hpp"

#include <map>
#include <span>
#include <vector>

namespace dsmil::tpm::policy {

inline constexpr Hash nothing{}; // where every policy begins

// The hash of the values of PCRs in ascending order.
[[nodiscard]] Hash pcr_digest(const std::map<unsigned, Bytes> &pcrs);
// PCRs of the SHA-256 bank must have values with this digest. `pcrs` below 24.
[[nodiscard]] Hash pcr(const Hash &before, std::span<const unsigned> pcrs, const Hash &digest);
// The object's own secret must be known.
[[nodiscard]] Hash auth_value(const Hash &before);
// One of two to eight policies. What came before does not count.
[[nodiscard]] Result<Hash> any_of(std::span<const Hash> policies);
// Whatever policy the key of this Name signs for this reference. What came before does not count.
[[nodiscard]] Hash authorize(ByteView key_name, ByteView reference);
// What that key signs: SHA-256 of the policy and the reference.
[[nodiscard]] Hash to_be_approved(const Hash &policy, ByteView reference);

enum class Comparison : std::uint16_t { equal = 0, not_equal = 1, unsigned_ge = 7, unsigned_le = 9 };
// What an NV index of this Name holds at `offset` compares so with the operand.
[[nodiscard]] Hash nv(const Hash &before, ByteView index_name, ByteView operand, std::uint16_t offset,
                      Comparison comparison);

} // namespace dsmil::tpm::policy
