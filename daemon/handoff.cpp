// SPDX-License-Identifier: Apache-2.0
// dsmil-handoff: opens the kernel's audit ring as root, becomes an ordinary user
// without a capability, and runs the daemon with the ring's descriptor, passed
// as systemd passes sockets (sd_listen_fds(3)).
//
//   dsmil-handoff --user NAME -- COMMAND [ARGUMENT...]
#include "dsmil/client.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <format>
#include <grp.h>
#include <iostream>
#include <linux/capability.h>
#include <optional>
#include <pwd.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

using dsmil::Code;
using dsmil::fail;
using dsmil::fail_errno;
using dsmil::Result;

constexpr int passed_fd = 3; // SD_LISTEN_FDS_START
constexpr auto usage_text = "usage: dsmil-handoff --user NAME -- COMMAND [ARGUMENT...]\n"
                            "Opens the audit ring as root and runs COMMAND as NAME with it.\n";

struct Arguments {
    std::string user;
    char **command = nullptr; // ends with a null pointer
};

std::optional<Arguments> parse(int argc, char **argv) {
    if (argc < 5 || std::string_view(argv[1]) != "--user" || std::string_view(argv[3]) != "--") {
        return std::nullopt;
    }
    return Arguments{argv[2], argv + 4};
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

Result<void> pass(const dsmil::Fd &ring) {
    // The descriptor may be 3 already: then it still has to survive exec.
    if (::dup2(ring.get(), passed_fd) < 0 || ::fcntl(passed_fd, F_SETFD, 0) < 0) {
        return fail_errno(Code::failed, "passing the audit ring", errno);
    }
    ::setenv("LISTEN_FDS", "1", 1);                                // NOLINT(concurrency-mt-unsafe)
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1); // NOLINT(concurrency-mt-unsafe)
    ::setenv("LISTEN_FDNAMES", "dsmil-audit", 1);                  // NOLINT(concurrency-mt-unsafe)
    return {};
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
    if (auto became = become(arguments.user); !became) {
        return became;
    }
    const dsmil::Fd fd = std::move(*ring).release();
    if (auto passed = pass(fd); !passed) {
        return passed;
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
