// SPDX-License-Identifier: Apache-2.0
#include "sinks/datagrams.hpp"

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

} // namespace

Datagrams::Datagrams(std::string path)
    : path_(std::move(path)), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Result<void> Datagrams::connect() {
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

Result<void> Datagrams::await_room() const {
    std::array<pollfd, 2> what = {{{.fd = socket_.get(), .events = POLLOUT, .revents = 0},
                                   {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
    const int ready = ::poll(what.data(), what.size(), static_cast<int>(patience.count()));
    if (ready > 0 && what[1].revents == 0) {
        return {};
    }
    return fail(Code::try_again, std::format("{} takes nothing", path_));
}

Result<bool> Datagrams::send(const std::string &datagram) const {
    for (;;) {
        if (::send(socket_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL) >= 0) {
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

void Datagrams::cancel() const {
    ::eventfd_write(stop_.get(), 1);
}

} // namespace dsmil::sinks
