// SPDX-License-Identifier: Apache-2.0
#include "module_signature.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <ranges>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dsmilctl {
namespace {

// A module's description takes a few kilobytes; what is more is not read.
constexpr std::size_t max_output_bytes = 256UL * 1024;

// What the program writes to its standard output, if it ends with 0.
std::optional<std::string> output_of(std::array<const char *, 3> arguments) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return std::nullopt;
    }
    posix_spawn_file_actions_t actions{};
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int failed = ::posix_spawn(&child, arguments[0], &actions, nullptr,
                                     const_cast<char *const *>(arguments.data()), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    std::string text;
    std::array<char, 4096> buffer{};
    while (failed == 0 && text.size() < max_output_bytes) {
        const auto got = ::read(ends[0], buffer.data(), buffer.size());
        if (got == 0 || (got < 0 && errno != EINTR)) {
            break;
        }
        text.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    }
    ::close(ends[0]);
    int status = 0;
    if (failed != 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        return std::nullopt;
    }
    return text;
}

// The rest of a "name:   value" line.
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
    if (!line.starts_with(name) || !line.substr(name.size()).starts_with(':')) {
        return std::nullopt;
    }
    line.remove_prefix(name.size() + 1);
    const auto from = line.find_first_not_of(' ');
    return from == std::string_view::npos ? std::string_view() : line.substr(from);
}

} // namespace

std::optional<ModuleSignature> module_signature(const std::string &modinfo, const std::string &module) {
    const auto text = output_of({modinfo.c_str(), module.c_str(), nullptr});
    if (!text) {
        return std::nullopt;
    }
    ModuleSignature found;
    for (const auto part : std::views::split(*text, '\n')) {
        const std::string_view line(part);
        if (value_of(line, "sig_id")) {
            found.present = true;
        } else if (const auto signer = value_of(line, "signer")) {
            found.signer = *signer;
        }
    }
    return found;
}

std::optional<bool> key_enrolled(std::string_view keys, std::string_view name) {
    // "... asymmetri NAME: IDENTIFIER: X509.rsa 5bc8bcc8 []", where NAME is the common name, or
    // "ORGANISATION: COMMON NAME".
    constexpr std::string_view kind = " asymmetri ";
    const auto wanted = std::string(name) + ": ";
    bool any = false;
    for (const auto part : std::views::split(keys, '\n')) {
        const std::string_view line(part);
        const auto at = line.find(kind);
        if (at == std::string_view::npos) {
            continue;
        }
        any = true;
        const auto rest = line.substr(at + kind.size());
        if (rest.starts_with(wanted) || rest.contains(": " + wanted)) {
            return true;
        }
    }
    return any ? std::optional(false) : std::nullopt;
}

} // namespace dsmilctl
