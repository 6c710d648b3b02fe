// SPDX-License-Identifier: Apache-2.0
// What an earlier connection left loaded in a TPM without a resource manager.
// Inner header of tpm/.
#pragma once

#include "tpm/context.hpp"

#include <string>

namespace dsmil::tpm {

// Nobody's but ours, and started by no firmware: a program on a socket.
[[nodiscard]] bool is_simulator(const std::string &tcti);

// Flushes it. A resource manager shows each connection its own objects only, so
// with one there is nothing; other programs' sessions it does show, so those are
// left alone but in a simulator, which is nobody else's.
[[nodiscard]] Result<void> flush_leftovers(Context &context, const std::string &tcti);

} // namespace dsmil::tpm
