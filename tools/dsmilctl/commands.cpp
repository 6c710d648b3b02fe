// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"

#include <algorithm>
#include <array>

namespace dsmilctl {

// Declares the run functions, and defines all_commands, global_options, overview.
#include "commands.inc"

std::span<const CommandSpec> commands() {
    return all_commands;
}
std::span<const OptionSpec> options_of_all() {
    return global_options;
}
std::string_view overview_text() {
    return overview;
}

const CommandSpec *find_command(std::string_view name) {
    const auto *found = std::ranges::find(all_commands, name, &CommandSpec::name);
    return found == all_commands.end() ? nullptr : found;
}

} // namespace dsmilctl
