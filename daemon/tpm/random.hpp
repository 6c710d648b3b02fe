// SPDX-License-Identifier: Apache-2.0
// Random bytes of the TPM, encrypted on their way. Inner header of tpm/.
#pragma once

#include "tpm/tpm.hpp"

namespace dsmil::tpm {

inline constexpr std::size_t max_random_bytes = 1'024;

// The TPM gives no more than a digest at a time: it is asked until all are there.
[[nodiscard]] Result<Bytes> random_bytes(Tpm &tpm, std::size_t size);

} // namespace dsmil::tpm
