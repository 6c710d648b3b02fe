// SPDX-License-Identifier: Apache-2.0
// What a TPM or tpm2-tss answered, in our words. Pure. Inner header of tpm/.
#pragma once

#include "dsmil/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <tss2/tss2_common.h>

namespace dsmil::tpm {

// The number as the TPM gave it, whether a resource manager passed it on or
// not; 0 when the answer is not the TPM's.
[[nodiscard]] std::uint32_t said_by_tpm(TSS2_RC code);

// The TPM is busy with itself: ask again in a moment.
[[nodiscard]] bool is_busy(TSS2_RC code);

// A session or object that the TPM knew is gone: it was reset, or a resource
// manager gave up.
[[nodiscard]] bool is_forgotten(TSS2_RC code);

// There is nothing at this handle.
[[nodiscard]] bool is_no_handle(TSS2_RC code);

// A word for counting: "busy", "auth", "lockout", "policy", "transport" ...
[[nodiscard]] std::string_view error_class(TSS2_RC code);

// tpm_missing when the way to the TPM failed; tpm_untrusted when the answer's
// HMAC is wrong; else what the TPM means: tpm_auth, tpm_locked_out, tpm_policy,
// tpm_unsupported, tpm_failed. The causes say what, and what helps.
[[nodiscard]] std::unexpected<Error> tpm_error(std::string what, TSS2_RC code);

} // namespace dsmil::tpm
