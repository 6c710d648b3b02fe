// SPDX-License-Identifier: Apache-2.0
#include "base/reactor_asio.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <utility>

namespace dsmil {
namespace asio = boost::asio;
namespace {

// A handler that was already queued runs in spite of cancel(): each start()
// takes a number, and a handler whose number is out of date does nothing.
class Turn {
  public:
    Turn() : now_(std::make_shared<unsigned>(0)) {}
    ~Turn() { ++*now_; }
    Turn(const Turn &) = delete;
    Turn &operator=(const Turn &) = delete;

    [[nodiscard]] auto once(Task task) {
        return [now = now_, mine = ++*now_,
                task = std::move(task)](const boost::system::error_code &error) mutable {
            if (*now == mine && error != asio::error::operation_aborted) {
                task();
            }
        };
    }
    void end() { ++*now_; }

  private:
    std::shared_ptr<unsigned> now_; // shared with the queued handlers, which outlive us
};

void await_signal(Reactor::Impl &impl) {
    impl.signals.async_wait([&impl](const boost::system::error_code &error, int /*number*/) {
        if (!error) {
            impl.termination();
            await_signal(impl);
        }
    });
}

} // namespace

Reactor::Reactor() : impl_(std::make_unique<Impl>()) {}
Reactor::~Reactor() = default;

void Reactor::run() {
    impl_->context.restart();
    impl_->context.run();
}

void Reactor::stop() {
    impl_->context.stop();
}

void Reactor::post(Task task) {
    asio::post(impl_->context, [task = std::move(task)]() mutable { task(); });
}

void Reactor::on_termination(std::function<void()> task) {
    impl_->termination = std::move(task);
    boost::system::error_code error;
    impl_->signals.add(SIGTERM, error);
    impl_->signals.add(SIGINT, error);
    await_signal(*impl_);
}

struct Reactor::Timer::Impl {
    explicit Impl(asio::io_context &context) : timer(context) {}
    asio::steady_timer timer;
    Turn turn;
};

Reactor::Timer::Timer(Reactor &reactor) : impl_(std::make_unique<Impl>(reactor.impl().context)) {}
Reactor::Timer::~Timer() = default;
Reactor::Timer::Timer(Timer &&) noexcept = default;
Reactor::Timer &Reactor::Timer::operator=(Timer &&) noexcept = default;

void Reactor::Timer::start(std::chrono::milliseconds delay, Task task) {
    impl_->timer.expires_after(delay);
    impl_->timer.async_wait(impl_->turn.once(std::move(task)));
}

void Reactor::Timer::cancel() {
    impl_->turn.end();
    impl_->timer.cancel();
}

struct Reactor::Watch::Impl {
    Impl(asio::io_context &context, int fd) : descriptor(context) {
        boost::system::error_code error;
        descriptor.assign(fd, error);
    }
    ~Impl() { descriptor.release(); }
    Impl(const Impl &) = delete;
    Impl &operator=(const Impl &) = delete;
    asio::posix::stream_descriptor descriptor;
    Turn turn;
};

Reactor::Watch::Watch(Reactor &reactor, int fd) : impl_(std::make_unique<Impl>(reactor.impl().context, fd)) {}
Reactor::Watch::~Watch() = default;
Reactor::Watch::Watch(Watch &&) noexcept = default;
Reactor::Watch &Reactor::Watch::operator=(Watch &&) noexcept = default;

void Reactor::Watch::start(Task task) {
    impl_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                 impl_->turn.once(std::move(task)));
}

void Reactor::Watch::cancel() {
    impl_->turn.end();
    boost::system::error_code error;
    impl_->descriptor.cancel(error);
}

} // namespace dsmil
