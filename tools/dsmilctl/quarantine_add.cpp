// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "output.hpp"
#include "text.hpp"

#include <format>

namespace dsmilctl {

dsmil::Result<int> run_quarantine_add(const Call &call, Output &out) {
    const auto device = parse_device(call.argument("DEVICE"));
    if (!device) {
        return std::unexpected(device.error());
    }
    const auto control = dsmil::Control::open(call.paths);
    if (!control) {
        return std::unexpected(control.error());
    }
    const auto added = control->add_quarantine((*device)->id);
    if (!added) {
        return std::unexpected(added.error());
    }
    if (call.json) {
        out.object(
            {{"schema", call.command->schema}, {"id", hex16((*device)->id)}, {"name", (*device)->name}});
    } else {
        out.line(
            std::format("{} is quarantined until the module is unloaded", dsmil::describe_id((*device)->id)));
    }
    return 0;
}

} // namespace dsmilctl
