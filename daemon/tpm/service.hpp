// SPDX-License-Identifier: Apache-2.0
// The TPM for the rest of the daemon: asynchronous, behind one thread of its
// own, because a command on the device node can block for seconds. Everything
// is called and calls back on the reactor's thread.
#pragma once

#include "base/log.hpp"
#include "base/reactor.hpp"
#include "base/worker.hpp"
#include "ledger/signer.hpp"
#include "tpm/key_file.hpp"
#include "tpm/pending.hpp"
#include "tpm/status.hpp"
#include "tpm/timing.hpp"
#include "tpm/watch.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dsmil::tpm {

class Health;
struct Look;
struct Quote;
struct TpmOptions;

inline constexpr std::size_t max_nonce_bytes = 32;

// The smaller goes first.
enum class Urgency : std::uint8_t { connect, checkpoint, quote, grant, normal, bulk };

// Until when an answer is wanted, waiting for a turn included; then the caller
// hears try_again. Making an RSA key takes some chips 8 s and more.
inline constexpr std::chrono::milliseconds usual_deadline{30'000};
inline constexpr std::chrono::milliseconds key_deadline{120'000};

class Service final : public ledger::Signer {
  public:
    // Between looks at the TPM's counts of resets.
    static constexpr std::chrono::seconds watch_interval{60};
    // For who asks how it is: then what is known must do.
    static constexpr std::chrono::milliseconds status_deadline{5'000};
    // Between tries to find a TPM: doubles from the first to the last.
    static constexpr std::chrono::milliseconds first_retry{1'000};
    static constexpr std::chrono::milliseconds last_retry{60'000};

    Service(Reactor &reactor, const Log &log, TpmOptions options,
            std::chrono::milliseconds retry = first_retry);
    ~Service() override;

    // The daemon's keys were made, now or in an earlier life.
    [[nodiscard]] bool has_keys() const;

    // Connects; goes on trying until there is a TPM. `ready` is called each time
    // that it becomes usable.
    void start(std::function<void()> ready);
    // Who hears of security events: the TPM was reset, exchanged, interposed.
    void on_event(std::function<void(const SecurityEvent &)> hear) { hear_ = std::move(hear); }
    // Does what waits. False if the TPM hangs: then the process has to end
    // without joining.
    [[nodiscard]] bool stop(std::chrono::milliseconds patience);

    // Nothing: ready. Else why not (tpm_missing, tpm_failed, try_again at first).
    [[nodiscard]] const std::optional<Error> &trouble() const { return trouble_; }

    // Signs checkpoints, and nothing else, as long as there is no TPM. The
    // administrator said so (tpm.fallback_key); the machine stays unattested.
    void fall_back_to(KeyFile key) { fallback_ = std::move(key); }
    // It does so now.
    [[nodiscard]] bool fell_back() const;

    // Of the key that signs checkpoints.
    [[nodiscard]] std::optional<Bytes> public_key() const override {
        return fallback_ && fell_back() ? std::optional(fallback_->spki()) : checkpoint_spki_;
    }
    void sign(const Hash &digest, Then<Result<Bytes>> then) override;
    // Of the PCRs of the boot, 0 to 15.
    void quote(const Hash &digest, Then<Result<ledger::Quote>> then) override;

    // The key of grants for the kernel module (P-256, SPKI), as long as there is a
    // TPM, and ECDSA of a SHA-256 digest with it, as DER. The caller composed what
    // the digest is of: no foreign digest is ever signed.
    [[nodiscard]] std::optional<Bytes> grant_key() const { return grant_spki_; }
    Ticket sign_grant(const Hash &digest, Then<Result<Bytes>> then);

    // See make_quote().
    Ticket quote(Bytes nonce, std::vector<unsigned> pcrs, Then<Result<Quote>> then);

    // Looks now. last_status() has what was seen last, whenever that was.
    Ticket status(Then<Result<Status>> then);
    [[nodiscard]] const std::optional<Status> &last_status() const { return last_status_; }

    // Any operation of tpm/ on the TPM's thread. `command` is called again when
    // the TPM was reset under it, so it must be able to begin anew.
    template <typename T>
    Ticket run(Urgency urgency, std::chrono::milliseconds deadline, std::function<Result<T>(Tpm &)> command,
               Then<Result<T>> then);

    [[nodiscard]] std::size_t waiting() const { return worker_.waiting(); }
    [[nodiscard]] const Timings &timings() const { return timings_; }

  private:
    // What the TPM's thread found when it opened a TPM.
    struct Opened {
        std::optional<Error> trouble;
        Bytes checkpoint_spki;
        Bytes grant_spki;
    };

    void connect();
    void connected(Opened opened);
    // These on the TPM's thread.
    void explain(Pending &pending);
    [[nodiscard]] Opened open();
    void perform(Pending &pending);
    void perform_anew(Pending &pending);

    Ticket enqueue(Urgency urgency, std::chrono::milliseconds deadline,
                   const std::shared_ptr<Pending> &pending);
    void finish(Pending &pending);
    void overdue(Pending &pending, std::chrono::milliseconds deadline);
    void lost(Error error);
    Ticket look(Urgency urgency, std::chrono::milliseconds deadline, Then<Result<Status>> then);
    void watch();
    void hear(const SecurityEvent &event);

    Reactor &reactor_;
    const Log &log_;
    std::unique_ptr<TpmOptions> options_;
    std::function<void()> ready_;
    std::optional<Error> trouble_;
    std::optional<Bytes> checkpoint_spki_;
    std::optional<Bytes> grant_spki_;
    std::optional<KeyFile> fallback_;
    bool stopped_ = false;
    std::chrono::milliseconds retry_from_;
    std::chrono::milliseconds retry_;
    Reactor::Timer retry_timer_;
    Reactor::Timer watch_timer_;
    std::function<void(const SecurityEvent &)> hear_;
    std::optional<Status> last_status_;
    Timings timings_;
    std::unique_ptr<Health> health_; // these two of the worker's thread
    std::unique_ptr<Tpm> tpm_;
    Worker worker_; // last: it uses the others
};

template <typename T>
Ticket Service::run(Urgency urgency, std::chrono::milliseconds deadline,
                    std::function<Result<T>(Tpm &)> command, Then<Result<T>> then) {
    class Call final : public Pending {
      public:
        Call(std::function<Result<T>(Tpm &)> command, Then<Result<T>> then)
            : command_(std::move(command)), then_(std::move(then)) {}
        void work(Tpm &tpm) override { result_ = command_(tpm); }
        void fail_with(Error error) override { result_ = std::unexpected(std::move(error)); }
        [[nodiscard]] const Error *error() const override { return result_ ? nullptr : &result_.error(); }
        void answer() override { std::exchange(then_, nullptr)(std::move(result_)); }
        void answer_with(Error error) override {
            std::exchange(then_, nullptr)(std::unexpected(std::move(error)));
        }
        void forget() override { then_ = nullptr; }

      private:
        std::function<Result<T>(Tpm &)> command_;
        Then<Result<T>> then_;
        Result<T> result_ = std::unexpected(Error{});
    };
    return enqueue(urgency, deadline, std::make_shared<Call>(std::move(command), std::move(then)));
}

} // namespace dsmil::tpm
