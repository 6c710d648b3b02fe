// SPDX-License-Identifier: Apache-2.0
// The one thread that owns the daemon's state, and what it waits for. Asio is
// underneath; reactor_asio.hpp shows it to those who need it.
#pragma once

#include "base/worker.hpp"
#include "dsmil/error.hpp"

#include <chrono>
#include <functional>
#include <memory>

namespace dsmil {

class Reactor {
  public:
    struct Impl;

    Reactor();
    ~Reactor();
    Reactor(const Reactor &) = delete;
    Reactor &operator=(const Reactor &) = delete;

    // Does tasks in the calling thread until stop() was called, then returns.
    void run();
    void stop(); // any thread
    // From any thread: `task` runs on the reactor's thread, in order.
    void post(Task task);

    // Calls back once, a while from now; a new start() or the end of the object cancels.
    class Timer {
      public:
        explicit Timer(Reactor &reactor);
        ~Timer();
        Timer(Timer &&) noexcept;
        Timer &operator=(Timer &&) noexcept;
        void start(std::chrono::milliseconds delay, Task task);
        void cancel();

      private:
        struct Impl;
        std::unique_ptr<Impl> impl_;
    };

    // Calls back once when the descriptor is readable, in error or hung up.
    // Does not own it: the descriptor must outlive the watch.
    class Watch {
      public:
        Watch(Reactor &reactor, int fd);
        ~Watch();
        Watch(Watch &&) noexcept;
        Watch &operator=(Watch &&) noexcept;
        void start(Task task);
        void cancel();

      private:
        struct Impl;
        std::unique_ptr<Impl> impl_;
    };

    // Calls back at each SIGTERM and SIGINT.
    void on_termination(std::function<void()> task);

    [[nodiscard]] Impl &impl() { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

} // namespace dsmil
