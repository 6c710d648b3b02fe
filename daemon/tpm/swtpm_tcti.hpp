// SPDX-License-Identifier: Apache-2.0
// The way to swtpm's socket, with what tpm2-tss' own TCTI for it lacks: it shows when there is an
// answer (a handle for poll), and reads no more than there is, so that a TPM that hangs, or stops in
// the middle of an answer, holds nobody for longer than he wants. Inner header of tpm/.
#pragma once

#include "tpm/context.hpp"

#include <string_view>

namespace dsmil::tpm {

// `where` is as tpm2-tss takes it behind "swtpm:": "path=FILE", or "host=NAME,port=NUMBER" (127.0.0.1
// and 2321 by default). A connection for each command: swtpm serves one at a time, and others may
// come between. usage for what is none of these; tpm_missing when nobody listens.
[[nodiscard]] Result<Tcti> open_swtpm(std::string_view where);

} // namespace dsmil::tpm
