// SPDX-License-Identifier: Apache-2.0
// The TPM for the rest of the daemon: asynchronous, behind one thread of its
// own, because a command on the device node can block for seconds. Everything
// is called and calls back on the reactor's thread.
#pragma once

#include "base/log.hpp"
#include "base/reactor.hpp"
#include "base/worker.hpp"
#include "ledger/signer.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dsmil::tpm {

class Tpm;
struct Quote;

inline constexpr std::size_t max_nonce_bytes = 32;

class Service final : public ledger::Signer {
  public:
    // How long a command may wait for its turn; then it fails with try_again.
    static constexpr std::chrono::seconds queue_deadline{30};
    // Between tries to find a TPM: doubles from the first to the last.
    static constexpr std::chrono::milliseconds first_retry{1'000};
    static constexpr std::chrono::milliseconds last_retry{60'000};

    Service(Reactor &reactor, const Log &log, std::string tcti, std::string state_dir,
            std::chrono::milliseconds retry = first_retry);
    ~Service() override;

    // The daemon's keys were made, now or in an earlier life.
    [[nodiscard]] bool has_keys() const;

    // Connects; goes on trying until there is a TPM. `ready` is called each time
    // that it becomes usable.
    void start(std::function<void()> ready);
    // Does what waits. False if the TPM hangs: then the process has to end
    // without joining.
    [[nodiscard]] bool stop(std::chrono::milliseconds patience);

    // Nothing: ready. Else why not (tpm_missing, tpm_failed, try_again at first).
    [[nodiscard]] const std::optional<Error> &trouble() const { return trouble_; }

    [[nodiscard]] std::optional<Bytes> public_key() const override { return checkpoint_spki_; }
    void sign(const Hash &digest, Then<Result<Bytes>> then) override;

    // See Tpm::quote.
    void quote(Bytes nonce, std::vector<unsigned> pcrs, Then<Result<Quote>> then);

  private:
    // The smaller goes first.
    enum Urgency : unsigned { urgent_connect = 0, urgent_checkpoint = 1, urgent_quote = 2 };

    void connect();
    void connected(std::optional<Error> trouble, Bytes checkpoint_spki);
    template <typename T, typename Command>
    void submit(Urgency urgency, Command command, Then<Result<T>> then);

    Reactor &reactor_;
    const Log &log_;
    std::string tcti_;
    std::string state_dir_;
    std::function<void()> ready_;
    std::optional<Error> trouble_;
    std::optional<Bytes> checkpoint_spki_;
    bool stopped_ = false;
    std::chrono::milliseconds retry_from_;
    std::chrono::milliseconds retry_;
    Reactor::Timer retry_timer_;
    std::unique_ptr<Tpm> tpm_; // of the worker's thread
    Worker worker_;            // last: it uses the others
};

} // namespace dsmil::tpm
