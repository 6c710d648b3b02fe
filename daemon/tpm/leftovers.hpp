// SPDX-License-Identifier: Apache-2.0
// What an earlier connection left loaded in a TPM without a resource manager.
// Inner header of tpm/.
#pragma once

#include "tpm/context.hpp"

#include <string>
#include <vector>

namespace dsmil::tpm {

// Nobody's but ours, and started by no firmware: a program on a socket.
[[nodiscard]] bool is_simulator(const std::string &tcti);

// Whether a resource manager serves others through the same TPM. By what the TCTI
// leads to, whatever it is called; an unknown one is taken to have one.
[[nodiscard]] bool has_manager(const std::string &tcti);

// What is loaded of one kind, from its first handle on: TPM2_TRANSIENT_FIRST, TPM2_LOADED_SESSION_FIRST.
[[nodiscard]] Result<std::vector<TPM2_HANDLE>> handles_from(Context &context, TPM2_HANDLE first);

// Flushes it. A resource manager shows each connection its own objects only, so
// with one there is nothing; other programs' sessions it does show, so those are
// flushed only where there is none: then the TPM serves one connection at a time.
[[nodiscard]] Result<void> flush_leftovers(Context &context, const std::string &tcti);

} // namespace dsmil::tpm
