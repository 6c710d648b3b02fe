// SPDX-License-Identifier: Apache-2.0
// Takes connections one after the other as long as there is room, and knows when the last has
// ended. Of the reactor's thread; part of an object that a shared_ptr holds, which what is under
// way keeps. Inner header of the servers.
#pragma once

#include "base/log.hpp"
#include "base/reactor.hpp"
#include "base/reactor_asio.hpp"

#include <boost/asio/error.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace dsmil::api {

template <typename Protocol>
class AcceptLoop {
  public:
    using Socket = typename Protocol::socket;
    using Acceptor = typename Protocol::acceptor;

    // More than `most` connections wait in the kernel's queue. `take` may call begun().
    AcceptLoop(Reactor &reactor, const Log &log, std::size_t most, std::function<void(Socket)> take)
        : reactor_(reactor), log_(log), most_(most), take_(std::move(take)),
          acceptor_(reactor.impl().context), pause_(reactor) {}

    [[nodiscard]] Acceptor &acceptor() { return acceptor_; }
    [[nodiscard]] const Acceptor &acceptor() const { return acceptor_; }
    [[nodiscard]] std::size_t connections() const { return connections_; }
    [[nodiscard]] bool stopping() const { return stopping_; }

    void go(const std::shared_ptr<void> &owner) {
        if (stopping_ || accepting_ || connections_ >= most_) {
            return;
        }
        accepting_ = true;
        acceptor_.async_accept([this, owner](const boost::system::error_code &error, Socket socket) {
            accepting_ = false;
            accepted(owner, error, std::move(socket));
        });
    }
    void begun() { connections_++; }
    void ended(const std::shared_ptr<void> &owner) {
        connections_--;
        go(owner);
        if (connections_ == 0 && stopped_) {
            reactor_.post(std::exchange(stopped_, nullptr));
        }
    }

    // Takes no more.
    void close() {
        stopping_ = true;
        pause_.cancel();
        boost::system::error_code error;
        acceptor_.close(error);
    }
    // Calls back, later, when the last connection has ended.
    void stop(Task then) {
        close();
        if (connections_ == 0) {
            reactor_.post(std::move(then));
        } else {
            stopped_ = std::move(then);
        }
    }

  private:
    void accepted(const std::shared_ptr<void> &owner, const boost::system::error_code &error, Socket socket) {
        if (stopping_ || error == boost::asio::error::operation_aborted) {
            return;
        }
        if (error) { // No descriptors, for instance: not again at once.
            log_.write(
                {.level = LogLevel::warning, .event_type = "accept_failed", .message = error.message()});
            pause_.start(std::chrono::seconds(1), [this, owner] { go(owner); });
            return;
        }
        take_(std::move(socket));
        go(owner);
    }

    Reactor &reactor_;
    const Log &log_;
    std::size_t most_;
    std::function<void(Socket)> take_;
    Acceptor acceptor_;
    Reactor::Timer pause_;
    std::size_t connections_ = 0;
    bool accepting_ = false; // an accept is on its way
    bool stopping_ = false;
    Task stopped_;
};

} // namespace dsmil::api
