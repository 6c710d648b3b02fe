// SPDX-License-Identifier: Apache-2.0
// How a TPM is: what it says of itself, and whether it is locked out.
#pragma once

#include "dsmil/error.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace dsmil::tpm {

class Tpm;

struct Status {
    std::string manufacturer;
    std::string firmware_version;
    // Wrong authorisations count up; one is forgiven each interval. Our own keys are exempt.
    std::uint32_t lockout_counter = 0;
    std::uint32_t lockout_limit = 0;
    std::chrono::seconds lockout_interval{0};
    // Until the TPM takes authorisations again, at most; 0: it takes them. Some
    // chips do not set the flag for it, so it follows from the counter.
    std::chrono::seconds lockout_left{0};
    bool owner_secret = false; // the hierarchies have one
    bool endorsement_secret = false;
    bool lockout_secret = false;
    std::uint32_t persistent_objects = 0;
    std::uint32_t persistent_room = 0; // at least so many more
    std::uint32_t reset_count = 0;
    std::uint32_t restart_count = 0;
    std::uint64_t nv_writes = 0; // of this daemon in all its lives
};

// Writes that the makers promise for a place of the memory is their secret; this
// is what is usually said of such memory.
inline constexpr std::uint64_t nv_endurance = 100'000;

// Counts of resets and NV are left to the watch.
[[nodiscard]] Result<Status> read_status(Tpm &tpm);

} // namespace dsmil::tpm
