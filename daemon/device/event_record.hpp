// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ledger/record.hpp"

#include <linux/dsmil.h>

namespace dsmil {

// The record of a kernel event: everything that the event says, and nothing else.
[[nodiscard]] ledger::Record record_of(const dsmil_event &event, const Id128 &boot_id);

} // namespace dsmil
