// SPDX-License-Identifier: Apache-2.0
// dsmil-handoff: opens the kernel's audit ring as root, becomes an ordinary user
// without a capability, and runs the daemon with the ring's descriptor, passed
// as systemd passes sockets (sd_listen_fds(3)).
//
//   dsmil-handoff --user NAME [--audit-log] -- COMMAND [ARGUMENT...]
//
// With --audit-log the daemon also gets a socket that is bound to the multicast of the
// kernel's own audit, which takes CAP_AUDIT_READ.
#include "dsmil/client.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <format>
#include <grp.h>
#include <iostream>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <optional>
#include <pwd.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace {

using dsmil::Code;
using dsmil::fail;
using dsmil::fail_errno;
using dsmil::Result;

constexpr int first_passed_fd = 3; // SD_LISTEN_FDS_START
constexpr int scratch_fd = 16;     // above all that are passed
constexpr auto usage_text =
    "usage: dsmil-handoff --user NAME [--audit-log] -- COMMAND [ARGUMENT...]\n"
    "Opens the audit ring as root and runs COMMAND as NAME with it; with --audit-log\n"
    "also a socket that hears the kernel's own audit.\n";

struct Arguments {
    std::string user;
    bool audit_log = false;
    char **command = nullptr; // ends with a null pointer
};

std::optional<Arguments> parse(int argc, char **argv) {
    const bool audit_log = argc > 3 && std::string_view(argv[3]) == "--audit-log";
    const int dashes = audit_log ? 4 : 3;
    if (argc < dashes + 2 || std::string_view(argv[1]) != "--user" ||
        std::string_view(argv[dashes]) != "--") {
        return std::nullopt;
    }
    return Arguments{argv[2], audit_log, argv + dashes + 1};
}

Result<void> drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    if (::syscall(SYS_capset, &header, none.data()) != 0) {
        return fail_errno(Code::failed, "dropping the capabilities", errno);
    }
    // No set-user-ID program and no file capability gives one back.
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return fail_errno(Code::failed, "forbidding new privileges", errno);
    }
    return {};
}

// With the supplementary groups that the user database says (the TPM's among them).
Result<void> become(const std::string &name) {
    errno = 0;
    const passwd *user = ::getpwnam(name.c_str()); // NOLINT(concurrency-mt-unsafe): there is one thread
    if (user == nullptr) {
        return fail(Code::not_found, std::format("there is no user {}", name));
    }
    if (user->pw_uid == 0) {
        return fail(Code::usage, "the daemon must not run as root");
    }
    if (::initgroups(name.c_str(), user->pw_gid) != 0 ||
        ::setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        ::setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0) {
        return fail_errno(Code::permission, std::format("becoming the user {}", name), errno);
    }
    return drop_capabilities();
}

struct Passed {
    dsmil::Fd fd;
    std::string_view name;
};

Result<void> pass(const std::vector<Passed> &all) {
    std::string names;
    // First out of the way of each other, then to their places, where they survive exec.
    std::vector<dsmil::Fd> aside;
    for (const auto &one : all) {
        aside.emplace_back(::fcntl(one.fd.get(), F_DUPFD_CLOEXEC, scratch_fd));
        names += std::format("{}{}", names.empty() ? "" : ":", one.name);
    }
    for (std::size_t i = 0; i < aside.size(); i++) {
        const int place = first_passed_fd + static_cast<int>(i);
        if (::dup2(aside[i].get(), place) < 0) {
            return fail_errno(Code::failed, std::format("passing {}", all[i].name), errno);
        }
    }
    ::setenv("LISTEN_FDS", std::to_string(all.size()).c_str(), 1); // NOLINT(concurrency-mt-unsafe)
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1); // NOLINT(concurrency-mt-unsafe)
    ::setenv("LISTEN_FDNAMES", names.c_str(), 1);                  // NOLINT(concurrency-mt-unsafe)
    return {};
}

Result<dsmil::Fd> open_audit_log() {
    dsmil::Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = 1U << (AUDIT_NLGRP_READLOG - 1U);
    if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0) {
        return fail_errno(errno == EPERM || errno == EACCES ? Code::permission : Code::failed,
                          "the multicast of the kernel's audit (CAP_AUDIT_READ)", errno);
    }
    constexpr int bytes = 1 << 20; // for bursts; the kernel may give less
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    return socket;
}

Result<void> hand_off(const Arguments &arguments) {
    auto control = dsmil::Control::open();
    if (!control) {
        return std::unexpected(std::move(control.error()));
    }
    auto ring = dsmil::AuditRing::open(*control);
    if (!ring) {
        return std::unexpected(std::move(ring.error()));
    }
    std::vector<Passed> passed;
    if (arguments.audit_log) {
        auto audit_log = open_audit_log();
        if (!audit_log) {
            return std::unexpected(std::move(audit_log.error()));
        }
        passed.push_back({std::move(*audit_log), "dsmil-audit-log"});
    }
    if (auto became = become(arguments.user); !became) {
        return became;
    }
    passed.insert(passed.begin(), Passed{std::move(*ring).release(), "dsmil-audit"});
    if (auto done = pass(passed); !done) {
        return done;
    }
    ::execvp(arguments.command[0], arguments.command);
    return fail_errno(Code::failed, std::format("running {}", arguments.command[0]), errno);
}

} // namespace

int main(int argc, char **argv) {
    if (argc == 2 && std::string_view(argv[1]) == "--help") {
        std::cout << usage_text;
        return EXIT_SUCCESS;
    }
    const auto arguments = parse(argc, argv);
    if (!arguments) {
        std::cerr << usage_text;
        return dsmil::info(Code::usage).exit;
    }
    const auto handed = hand_off(*arguments);
    const auto &error = handed.error(); // It returns only when it failed.
    const auto &about = dsmil::info(error.code);
    std::cerr << std::format("dsmil-handoff: {}: {}\n", about.message, error.detail);
    for (const auto &cause : error.causes) {
        std::cerr << std::format("  because: {}\n", cause);
    }
    std::cerr << std::format("  remedy: {}\n", about.remedy);
    return about.exit;
}
