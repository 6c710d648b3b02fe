// SPDX-License-Identifier: Apache-2.0
// Intel's multi-buffer library, held to a tier. A manager belongs to one thread;
// each thread that asks gets its own, and it goes with the thread.
#pragma once

#include "accel/tier.hpp"
#include "dsmil/error.hpp"

#include <intel-ipsec-mb.h>

namespace dsmil::accel {

// usage in the reference tier, which has none; failed where the library cannot run.
[[nodiscard]] Result<IMB_MGR *> multibuffer_of_thread(Tier tier);

} // namespace dsmil::accel
