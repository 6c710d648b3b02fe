// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "output.hpp"

#include <csignal>
#include <span>

int main(int argc, char **argv) {
    // A closed pipe is an error of write(), which Output notices.
    std::signal(SIGPIPE, SIG_IGN);
    const auto arguments =
        std::span<const char *const>(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0);
    const auto call = dsmilctl::parse(arguments);
    dsmilctl::Output out(call ? call->json : dsmilctl::wants_json(arguments));
    const auto status = call ? call->command->run(*call, out) : std::unexpected(call.error());
    return out.finish(status ? *status : out.fail(status.error()));
}
