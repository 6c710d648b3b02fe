// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "output.hpp"

#include <boost/json/array.hpp>
#include <format>

namespace dsmilctl {

dsmil::Result<int> run_help(const Call &call, Output &out) {
    std::string name;
    if (const auto found = call.values.find("COMMAND"); found != call.values.end()) {
        for (const auto &word : found->second) {
            name += (name.empty() ? "" : " ") + word;
        }
    }
    const auto *about = find_command(name);
    if (!name.empty() && about == nullptr) {
        return dsmil::fail(dsmil::Code::usage, std::format("there is no such command: {}", name));
    }
    if (!call.json) {
        const auto text = about != nullptr ? about->help : overview_text();
        out.line(text.substr(0, text.find_last_not_of('\n') + 1));
        return 0;
    }
    boost::json::array list;
    for (const auto &command : commands()) {
        if (about == nullptr || about == &command) {
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
