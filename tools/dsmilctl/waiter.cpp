// SPDX-License-Identifier: Apache-2.0
#include "waiter.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace dsmilctl {

dsmil::Result<Waiter> Waiter::make() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGINT);
    ::sigaddset(&set, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    dsmil::Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) {
        return dsmil::fail_errno(dsmil::Code::failed, "waiting for signals", errno);
    }
    return Waiter(std::move(fd));
}

dsmil::Result<Waiter::Woken> Waiter::wait(int fd) const {
    for (;;) {
        // No events asked of standard output: POLLERR comes anyway.
        std::array<pollfd, 3> fds = {{{fd, POLLIN, 0}, {signals_.get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}}};
        if (::poll(fds.data(), fds.size(), -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return dsmil::fail_errno(dsmil::Code::failed, "waiting", errno);
        }
        if (fds[1].revents != 0 || fds[2].revents != 0) {
            return Woken::stopped;
        }
        if (fds[0].revents != 0) {
            return Woken::readable;
        }
    }
}

bool Waiter::stopped() const {
    pollfd signal{signals_.get(), POLLIN, 0};
    return ::poll(&signal, 1, 0) == 1;
}

} // namespace dsmilctl
