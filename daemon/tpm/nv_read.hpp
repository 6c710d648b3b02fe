// SPDX-License-Identifier: Apache-2.0
// Reading the TPM's memory, also before there is a session. Inner header of tpm/.
#pragma once

#include "base/bytes.hpp"
#include "tpm/session.hpp"

#include <optional>

namespace dsmil::tpm {

// The most that one command writes or reads: every TPM takes as much.
inline constexpr std::size_t nv_bytes_at_a_time = 512;

// A defined index. `session` is null as long as there is none: then nothing protects what
// the TPM answers.
struct NvArea {
    Object object;
    TPMS_NV_PUBLIC area;
};

// Nothing when it is not defined.
[[nodiscard]] Result<std::optional<NvArea>> find_area(Context &context, const Session *session,
                                                      TPM2_HANDLE index);

// All of it; tpm_failed when that is more than `max_bytes`, not_found when it was never written.
[[nodiscard]] Result<Bytes> read_area(Context &context, const Session *session, ESYS_TR handle,
                                      const TPMS_NV_PUBLIC &area, std::size_t max_bytes);

} // namespace dsmil::tpm
