// SPDX-License-Identifier: Apache-2.0
#include "dsmil/fd.hpp"
#include "sinks/record_text.hpp"
#include "sinks/sink.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <format>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace dsmil::sinks {
namespace {

constexpr std::chrono::milliseconds patience{5'000};

class Syslog final : public Sink {
  public:
    explicit Syslog(std::string path)
        : path_(std::move(path)), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

    Result<Delivery> send(std::span<const ledger::Record> records) override {
        Delivery delivery;
        for (const auto &record : records) {
            if (auto connected = connect(); !connected) {
                return std::unexpected(std::move(connected.error()));
            }
            auto sent = send_line(syslog_line(record));
            if (!sent) {
                socket_ = Fd();
                return std::unexpected(std::move(sent.error()));
            }
            delivery.refused += *sent ? 0 : 1;
        }
        delivery.next = records.back().sequence + 1;
        return delivery;
    }

    void cancel() override { ::eventfd_write(stop_.get(), 1); }

  private:
    Result<void> connect() {
        if (socket_) {
            return {};
        }
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (path_.size() >= sizeof(address.sun_path)) {
            return fail(Code::failed, std::format("{} is too long for a socket", path_));
        }
        path_.copy(static_cast<char *>(address.sun_path), path_.size());
        Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket ||
            ::connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0) {
            return fail_errno(errno == EACCES ? Code::permission : Code::failed,
                              std::format("nobody takes messages at {}", path_), errno);
        }
        socket_ = std::move(socket);
        return {};
    }

    // False when it is too large for the other side, for ever.
    Result<bool> send_line(const std::string &line) {
        for (;;) {
            if (::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL) >= 0) {
                return true;
            }
            if (errno == EMSGSIZE) {
                return false;
            }
            if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR) {
                return fail_errno(Code::failed, std::format("sending to {}", path_), errno);
            }
            if (auto room = await_room(); !room) {
                return std::unexpected(std::move(room.error()));
            }
        }
    }

    Result<void> await_room() {
        std::array<pollfd, 2> what = {{{.fd = socket_.get(), .events = POLLOUT, .revents = 0},
                                       {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
        const int ready = ::poll(what.data(), what.size(), static_cast<int>(patience.count()));
        if (ready > 0 && what[1].revents == 0) {
            return {};
        }
        return fail(Code::try_again, std::format("{} takes nothing", path_));
    }

    std::string path_;
    Fd stop_;
    Fd socket_;
};

} // namespace

std::unique_ptr<Sink> syslog_sink(std::string path) {
    return std::make_unique<Syslog>(std::move(path));
}

} // namespace dsmil::sinks
