// SPDX-License-Identifier: Apache-2.0
// The operations on the TPM itself: random bytes, PCRs, its memory, sealing. What changes
// or opens something is in the ledger before its answer goes out.
#pragma once

#include "api/message.hpp"
#include "api/tpm_request.hpp"
#include "base/clock.hpp"
#include "config/config.hpp"
#include "ledger/service.hpp"
#include "tpm/service.hpp"

#include <boost/json/object.hpp>
#include <cstdint>

namespace dsmil::api {

class TpmApi {
  public:
    static constexpr std::uint64_t day_ns = std::uint64_t{24} * 3'600'000'000'000;

    // What callers may touch is in `limits`.
    TpmApi(const Clock &clock, ledger::Service &ledger, tpm::Service &tpm, const TpmLimits &limits)
        : clock_(clock), ledger_(ledger), tpm_(tpm), limits_(limits) {}

    // permission: a PCR or an index that the configuration keeps from callers; try_again: as
    // much as a day may have was written to the TPM's memory.
    void handle(TpmOperation operation, const Request &request, Then<Result<Response>> then);

  private:
    [[nodiscard]] Result<void> admit(TpmOperation operation, const TpmRequest &wanted);
    [[nodiscard]] Result<void> spend_write();

    const Clock &clock_;
    ledger::Service &ledger_;
    tpm::Service &tpm_;
    TpmLimits limits_;
    std::uint64_t day_began_ns_ = 0; // CLOCK_BOOTTIME
    std::uint64_t writes_ = 0;       // to NV, since then
};

} // namespace dsmil::api
