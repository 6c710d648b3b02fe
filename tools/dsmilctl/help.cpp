// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "output.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <format>
#include <string>
#include <vector>

namespace dsmilctl {
namespace {

// "audit" stands for "audit tail", "audit verify" and so on; nothing for all of them.
bool is_meant(const CommandSpec &command, const std::string &name) {
    return name.empty() || command.name == name || command.name.starts_with(name + " ");
}

} // namespace

dsmil::Result<int> run_help(const Call &call, Output &out) {
    std::string name;
    if (const auto found = call.values.find("COMMAND"); found != call.values.end()) {
        for (const auto &word : found->second) {
            name += (name.empty() ? "" : " ") + word;
        }
    }
    const auto *about = find_command(name);
    if (std::ranges::none_of(commands(), [&](const auto &command) { return is_meant(command, name); })) {
        return dsmil::fail(dsmil::Code::usage, std::format("there is no such command: {}", name));
    }
    if (!call.json && about == nullptr && !name.empty()) {
        std::vector<std::vector<std::string>> rows;
        for (const auto &command : commands()) {
            if (is_meant(command, name)) {
                rows.push_back({std::string(command.name), std::string(command.summary)});
            }
        }
        out.table(rows);
        return 0;
    }
    if (!call.json) {
        const auto text = about != nullptr ? about->help : overview_text();
        out.line(text.substr(0, text.find_last_not_of('\n') + 1));
        return 0;
    }
    boost::json::array list;
    for (const auto &command : commands()) {
        if (is_meant(command, name)) {
            list.push_back({{"name", command.name},
                            {"summary", command.summary},
                            {"usage", command.usage},
                            {"schema", command.schema}});
        }
    }
    out.object({{"schema", call.command->schema}, {"commands", std::move(list)}});
    return 0;
}

} // namespace dsmilctl
