// SPDX-License-Identifier: Apache-2.0
// Feeds CLI11 from the command table. CLI11 throws; nothing of that leaves here.
#include "command.hpp"

#include "output.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <format>
#include <list>

namespace dsmilctl {
namespace {

using dsmil::Code;

dsmil::Result<int> run_version(const Call & /*call*/, Output &out) {
    if (out.json()) {
        out.object({{"schema", "dsmil.version/1"}, {"version", DSMIL_VERSION}});
    } else {
        out.line("dsmilctl " DSMIL_VERSION);
    }
    return 0;
}

constexpr CommandSpec version_command = {
    .name = "version",
    .summary = {},
    .usage = {},
    .run = run_version,
    .arguments = {},
    .options = {},
    .schema = "dsmil.version/1",
    .help = {},
};

// Where CLI11 puts what it finds; its addresses must not move.
struct Slot {
    const CommandSpec *command;
    std::string name;
    std::string value;               // of what comes once
    std::vector<std::string> values; // of what may come many times
    CLI::Option *option;

    [[nodiscard]] std::vector<std::string> taken() const {
        return values.empty() ? std::vector<std::string>{value} : values;
    }
};

class Parser {
  public:
    Parser() : app_("", "dsmilctl") {
        add_common(app_);
        app_.require_subcommand(0, 1); // So that "help list" is one command with an argument.
        for (const auto &command : commands()) {
            add_command(command);
        }
    }

    dsmil::Result<Call> parse(std::span<const char *const> arguments) {
        // CLI11 takes the words in reverse.
        std::vector<std::string> words(arguments.rbegin(), arguments.rend());
        try {
            app_.parse(std::move(words));
        } catch (const CLI::CallForHelp &) {
            return help(chosen());
        } catch (const CLI::CallForVersion &) {
            auto call = basics();
            call.command = &version_command;
            return call;
        } catch (const CLI::ExtrasError &error) {
            if (chosen() == nullptr) {
                return dsmil::fail(Code::usage,
                                   std::format("there is no such command: {}", first_word(arguments)));
            }
            return dsmil::fail(Code::usage, error.what());
        } catch (const CLI::ParseError &error) {
            return dsmil::fail(Code::usage, error.what());
        }
        const auto *command = chosen();
        if (command == nullptr) {
            return help(nullptr);
        }
        auto call = basics();
        call.command = command;
        for (const auto &slot : slots_) {
            if (slot.command == command && slot.option->count() > 0) {
                call.values[slot.name] = slot.taken();
            }
        }
        return call;
    }

  private:
    void add_command(const CommandSpec &command) {
        auto *app = &app_;
        const auto space = command.name.find(' ');
        if (space != std::string_view::npos) {
            auto &outer = outers_[std::string(command.name.substr(0, space))];
            if (outer == nullptr) {
                outer = app_.add_subcommand(std::string(command.name.substr(0, space)));
                outer->require_subcommand(1);
                add_common(*outer);
            }
            app = outer;
        }
        auto *sub = app->add_subcommand(std::string(command.name.substr(space + 1)));
        add_common(*sub);
        apps_.emplace_back(sub, &command);
        for (const auto &argument : command.arguments) {
            auto &slot = slots_.emplace_back(&command, std::string(argument.name));
            slot.option = argument.many ? sub->add_option(slot.name, slot.values)
                                        : sub->add_option(slot.name, slot.value);
            slot.option->required(!argument.optional);
        }
        for (const auto &option : command.options) {
            add_option(*sub, &command, option);
        }
    }

    // On every level: CLI11's own way to share options would share commands too.
    void add_common(CLI::App &app) {
        app.set_help_flag("-h,--help");
        app.set_version_flag("--version", DSMIL_VERSION);
        for (const auto &option : options_of_all()) {
            if (option.name != "--help" && option.name != "--version") {
                add_option(app, nullptr, option);
            }
        }
    }

    void add_option(CLI::App &app, const CommandSpec *command, const OptionSpec &option) {
        auto &slot = slots_.emplace_back(command, std::string(option.name));
        const auto names =
            option.short_name.empty() ? slot.name : std::format("{},{}", option.short_name, slot.name);
        slot.option = option.value.empty() ? app.add_flag(names) : app.add_option(names, slot.value);
        slot.option->required(option.required);
    }

    [[nodiscard]] const CommandSpec *chosen() const {
        const auto found =
            std::ranges::find_if(apps_, [](const auto &entry) { return entry.first->parsed(); });
        return found == apps_.end() ? nullptr : found->second;
    }

    // What every command shares.
    [[nodiscard]] Call basics() const {
        Call call;
        for (const auto &slot : slots_) {
            if (slot.command == nullptr && slot.option->count() > 0) {
                call.json = call.json || slot.name == "--json";
                if (slot.name == "--socket") {
                    call.socket = slot.value;
                }
            }
        }
        const auto from_environment = [](const char *name, std::string fallback) {
            const char *value = std::getenv(name);
            return value != nullptr && *value != '\0' ? std::string(value) : std::move(fallback);
        };
        if (call.socket.empty()) {
            call.socket = from_environment("DSMIL_SOCKET", "/run/dsmil/dsmild.sock");
        }
        call.paths.nodes = from_environment("DSMIL_NODES", call.paths.nodes);
        return call;
    }

    [[nodiscard]] Call help(const CommandSpec *about) const {
        auto call = basics();
        call.command = find_command("help");
        if (about != nullptr) {
            call.values["COMMAND"] = {std::string(about->name)};
        }
        return call;
    }

    static std::string_view first_word(std::span<const char *const> arguments) {
        const auto word = std::ranges::find_if(arguments, [](const char *text) { return *text != '-'; });
        return word == arguments.end() ? arguments.front() : *word;
    }

    CLI::App app_;
    std::list<Slot> slots_;
    std::map<std::string, CLI::App *> outers_; // "audit"
    std::vector<std::pair<CLI::App *, const CommandSpec *>> apps_;
};

} // namespace

std::optional<std::string> Call::option(std::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() || found->second.empty() ? std::nullopt
                                                          : std::optional(found->second.front());
}

const std::string &Call::argument(std::string_view name) const {
    return values.find(name)->second.front();
}

bool wants_json(std::span<const char *const> arguments) {
    return std::ranges::any_of(arguments,
                               [](const char *word) { return std::string_view(word) == "--json"; });
}

dsmil::Result<Call> parse(std::span<const char *const> arguments) {
    auto call = Parser().parse(arguments);
    if (!call) {
        call.error().causes.emplace_back(
            "dsmilctl help lists the commands, dsmilctl help COMMAND says more about one");
    }
    return call;
}

} // namespace dsmilctl
