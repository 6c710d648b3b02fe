// SPDX-License-Identifier: Apache-2.0
#include "swtpm.hpp"

#include "dsmil/fd.hpp"

#include <array>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <format>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace dsmil::test {
namespace {

sockaddr_un address_of(const std::string &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(static_cast<char *>(address.sun_path), sizeof(address.sun_path) - 1);
    return address;
}

// Survives exec: swtpm inherits it.
Fd listen_at(const std::string &path) {
    ::unlink(path.c_str());
    Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    const auto address = address_of(path);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(fd.get(), 4), 0);
    return fd;
}

bool spawn(std::vector<std::string> arguments, const std::string &output, pid_t &pid) {
    std::vector<char *> pointers;
    for (auto &argument : arguments) {
        pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions{};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    const bool started =
        ::posix_spawnp(&pid, pointers.front(), &actions, nullptr, pointers.data(), environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return started;
}

} // namespace

Swtpm::Swtpm(const TempDir &directory, const std::string &name) : path_(directory.path(name)) {
    const std::string state = directory.path(name + ".state");
    std::filesystem::create_directory(state);
    const Fd server = listen_at(path_);
    const Fd control = listen_at(path_ + ".ctrl");
    running_ = spawn({"swtpm", "socket", "--tpm2", "--flags", "startup-clear", "--tpmstate", "dir=" + state,
                      "--server", std::format("type=unixio,fd={}", server.get()), "--ctrl",
                      std::format("type=unixio,fd={}", control.get())},
                     "/dev/null", pid_);
}

void Swtpm::stop() {
    if (std::exchange(running_, false)) {
        go_on();
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
    }
}

// CMD_INIT of swtpm's control channel (swtpm_ioctls(3)): number 2, then flags.
bool Swtpm::reset() const {
    const Fd control(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = address_of(path_ + ".ctrl");
    const std::array<std::uint8_t, 8> command = {0, 0, 0, 2, 0, 0, 0, 0};
    std::array<std::uint8_t, 4> answer{1, 1, 1, 1};
    return ::connect(control.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) == 0 &&
           ::send(control.get(), command.data(), command.size(), MSG_NOSIGNAL) == ssize_t{command.size()} &&
           ::recv(control.get(), answer.data(), answer.size(), MSG_WAITALL) == ssize_t{answer.size()} &&
           answer == std::array<std::uint8_t, 4>{};
}

void Swtpm::hang() const {
    ::kill(pid_, SIGSTOP);
}

void Swtpm::go_on() const {
    ::kill(pid_, SIGCONT);
}

int run_program(const std::vector<std::string> &arguments, const std::string &output) {
    pid_t pid = 0;
    int status = 0;
    if (!spawn(arguments, output, pid) || ::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}

} // namespace dsmil::test
