// SPDX-License-Identifier: Apache-2.0
// Digests of TPM policies (TPM 2.0 Library, Part 3, 23) that are written as
// tpm2-tss's policy JSON (its FAPI and tss2-policy), without a TPM.
#pragma once

#include "attest/hash.hpp"
#include "dsmil/error.hpp"

#include <string_view>

namespace dsmil::attest {

inline constexpr std::size_t max_policy_bytes = 1UZ << 20U;
inline constexpr unsigned max_policy_depth = 16; // of PolicyOR in PolicyOR
inline constexpr unsigned max_policy_elements = 1024;

// The authPolicy that an object needs to be under this policy, in `alg`. As tpm2-tss does, comments,
// a comma too many and line ends in strings are taken. malformed names the element ("policy[1]: ...")
// and what is wrong with it; also for what only the machine's key store or its TPM knows (nvPath,
// keyPath, objectPath, namePaths, currentPCRs): the error says what to give in its place.
[[nodiscard]] Result<Digest> policy_digest(std::string_view json, HashAlg alg);

} // namespace dsmil::attest
