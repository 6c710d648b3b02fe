// SPDX-License-Identifier: Apache-2.0
// The commands as data (generated from commands.json), and one parsed call.
#pragma once

#include "dsmil/client.hpp"
#include "dsmil/error.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsmilctl {

class Output;
struct CommandSpec;

// What the user asked for. Values are as typed; commands check them.
struct Call {
    const CommandSpec *command = nullptr;
    bool json = false;
    std::string socket;                                                  // of dsmild
    dsmil::Paths paths;                                                  // of the device nodes
    std::map<std::string, std::vector<std::string>, std::less<>> values; // options and arguments by name

    [[nodiscard]] bool has(std::string_view name) const { return values.contains(name); }
    // The value of an option, or nothing.
    [[nodiscard]] std::optional<std::string> option(std::string_view name) const;
    // A required argument or option: the parser has seen that it is there.
    [[nodiscard]] const std::string &argument(std::string_view name) const;
};

// Does the work; the result is the exit code. An error is reported by main.
using Run = dsmil::Result<int> (*)(const Call &call, Output &out);

struct OptionSpec {
    std::string_view name;       // "--group"
    std::string_view short_name; // "-n" or empty
    std::string_view value;      // "GROUP"; empty for a flag
    bool required;
};

struct ArgumentSpec {
    std::string_view name;
    bool optional;
    bool many;
};

struct CommandSpec {
    std::string_view name; // "audit tail"
    std::string_view summary;
    std::string_view usage;
    Run run;
    std::span<const ArgumentSpec> arguments;
    std::span<const OptionSpec> options;
    std::string_view schema; // of its JSON
    std::string_view help;
};

[[nodiscard]] std::span<const CommandSpec> commands();
[[nodiscard]] std::span<const OptionSpec> options_of_all();
[[nodiscard]] std::string_view overview_text();
[[nodiscard]] const CommandSpec *find_command(std::string_view name);

// --json is honoured for errors in the command line too.
[[nodiscard]] bool wants_json(std::span<const char *const> arguments);

// Arguments without the program's name. A usage error says what to do.
[[nodiscard]] dsmil::Result<Call> parse(std::span<const char *const> arguments);

} // namespace dsmilctl
