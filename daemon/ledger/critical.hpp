// SPDX-License-Identifier: Apache-2.0
// Which records are signed at once and not with the next checkpoint.
#pragma once

#include "ledger/record.hpp"

namespace dsmil::ledger {

// What an attacker would want to cut off: refused writes, changes of who may
// write and of what may be written, records that were lost, what the TPM noticed.
[[nodiscard]] bool is_critical(const Record &record);

} // namespace dsmil::ledger
