// SPDX-License-Identifier: Apache-2.0
// Sits between tpm2-tss and a TPM, as a slow chip, a broken one, or an attacker
// on the bus: delays answers, holds them back, changes them, and keeps a copy of
// everything.
#pragma once

#include "base/bytes.hpp"
#include "tpm/context.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace dsmil::test {

// Any thread. Must outlive the TCTIs that it opened.
class Interposer {
  public:
    using Alter = std::function<void(Bytes &answer)>;

    // How long each answer to a command takes at least, from now on.
    void delay(TPM2_CC command, std::chrono::nanoseconds duration);
    // The next answer to a command does not come before release(); perhaps never.
    void hold(TPM2_CC command);
    void release();
    // The next `times` commands of this kind are answered with TPM_RC_RETRY, and do
    // not reach the TPM.
    void busy(TPM2_CC command, unsigned times);
    // The next answer to a command is what `alter` makes of it; after those of earlier calls.
    void change(TPM2_CC command, Alter alter);

    // The commands that the TPM got so far.
    [[nodiscard]] std::vector<TPM2_CC> commands() const;
    [[nodiscard]] bool saw(TPM2_CC command) const;
    // All bytes in both directions since the last call.
    [[nodiscard]] Bytes take_traffic();

    // Opens what the given opener opens, with us in between.
    [[nodiscard]] tpm::TctiOpener opener(tpm::TctiOpener beneath = tpm::load_tcti);

    // Of the TCTI.
    struct Connection;
    [[nodiscard]] TSS2_RC transmit(Connection &connection, std::size_t size, const std::uint8_t *command);
    [[nodiscard]] TSS2_RC receive(Connection &connection, std::size_t &size, std::uint8_t *answer,
                                  std::int32_t timeout);

  private:
    mutable std::mutex mutex_;
    std::map<TPM2_CC, std::chrono::nanoseconds> delays_;
    std::map<TPM2_CC, std::deque<Alter>> changes_;
    std::map<TPM2_CC, bool> holds_;
    std::map<TPM2_CC, unsigned> busy_;
    std::vector<TPM2_CC> commands_;
    Bytes traffic_;
    Connection *held_ = nullptr;
};

} // namespace dsmil::test
