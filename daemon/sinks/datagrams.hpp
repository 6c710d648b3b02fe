// SPDX-License-Identifier: Apache-2.0
// The Unix datagram socket of another program, and whether there is room in it.
// Belongs to one thread but for cancel(). Inner header of sinks/.
#pragma once

#include "dsmil/error.hpp"
#include "dsmil/fd.hpp"

#include <string>

namespace dsmil::sinks {

class Datagrams {
  public:
    explicit Datagrams(std::string path);

    // When it is not connected. permission; failed: nobody is there.
    [[nodiscard]] Result<void> connect();
    void disconnect() { socket_ = Fd(); }
    // Blocks until the other side takes more. try_again: not within five seconds, or cancelled.
    [[nodiscard]] Result<void> await_room() const;
    // False when it is too large for the other side, for ever. try_again as await_room().
    [[nodiscard]] Result<bool> send(const std::string &datagram) const;
    // From any thread: what blocks ends soon.
    void cancel() const;

  private:
    std::string path_;
    Fd stop_;
    Fd socket_;
};

} // namespace dsmil::sinks
