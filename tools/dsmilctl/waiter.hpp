// SPDX-License-Identifier: Apache-2.0
// Waiting in commands that follow something, until the user has enough.
#pragma once

#include "dsmil/error.hpp"
#include "dsmil/fd.hpp"

#include <cstdint>

namespace dsmilctl {

// From its making on, SIGINT and SIGTERM no longer end the process but wait().
class Waiter {
  public:
    [[nodiscard]] static dsmil::Result<Waiter> make();

    enum class Woken : std::uint8_t { readable, stopped };
    // Until `fd` can be read (or has an error to tell), a signal came, or the
    // reader of standard output went away.
    [[nodiscard]] dsmil::Result<Woken> wait(int fd) const;

    [[nodiscard]] int stop_fd() const { return signals_.get(); } // readable once a signal came
    [[nodiscard]] bool stopped() const;

  private:
    explicit Waiter(dsmil::Fd signals) : signals_(std::move(signals)) {}
    dsmil::Fd signals_;
};

} // namespace dsmilctl
