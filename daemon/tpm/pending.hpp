// SPDX-License-Identifier: Apache-2.0
// A command for the TPM on its way: who waits for it, and until when.
#pragma once

#include "base/reactor.hpp"
#include "dsmil/error.hpp"

#include <atomic>
#include <memory>
#include <optional>

namespace dsmil::tpm {

class Tpm;

// Shared by the reactor (timer, ticket) and the TPM's queue: the last of them to
// let go deletes it.
class Pending {
  public:
    Pending() = default;
    virtual ~Pending() = default;
    Pending(const Pending &) = delete;
    Pending &operator=(const Pending &) = delete;

    // On the TPM's thread; the result stays inside. May be done again.
    virtual void work(Tpm &tpm) = 0;
    virtual void fail_with(Error error) = 0;
    // Of the result; null when it is a good one.
    [[nodiscard]] virtual const Error *error() const = 0;

    // On the reactor's thread, and only one of them: the result, an error in its
    // place while the TPM may still be at it, or nothing.
    virtual void answer() = 0;
    virtual void answer_with(Error error) = 0;
    virtual void forget() = 0;

    // Nobody waits any more. A command that the TPM has begun runs out (it cannot
    // be called back), one that has not is dropped.
    std::atomic<bool> abandoned = false;
    bool not_open = false;                  // there was no TPM when its turn came
    std::optional<Reactor::Timer> deadline; // of the reactor's thread
};

// What the caller of a command may hold on to. Without it, everything goes its way.
class Ticket {
  public:
    Ticket() = default;
    explicit Ticket(std::weak_ptr<Pending> pending) : pending_(std::move(pending)) {}
    // The caller is not called back any more. On the reactor's thread.
    void cancel() {
        if (const auto pending = pending_.lock()) {
            pending->abandoned = true;
            pending->deadline.reset();
            pending->forget();
        }
    }

  private:
    std::weak_ptr<Pending> pending_;
};

} // namespace dsmil::tpm
