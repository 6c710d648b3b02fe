// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "output.hpp"
#include "text.hpp"

namespace dsmilctl {

dsmil::Result<int> run_read(const Call &call, Output &out) {
    const auto wanted = parse_device(call.argument("DEVICE"));
    if (!wanted) {
        return std::unexpected(wanted.error());
    }
    const auto reg = parse_register(call.argument("REGISTER"));
    if (!reg) {
        return std::unexpected(reg.error());
    }
    const auto device = dsmil::Device::open((*wanted)->id, dsmil::Device::Access::read, call.paths);
    if (!device) {
        return std::unexpected(device.error());
    }
    const auto value = device->read(*reg);
    if (!value) {
        return std::unexpected(value.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"id", hex16((*wanted)->id)},
                    {"name", (*wanted)->name},
                    {"register", dsmil::name(*reg)},
                    {"value", hex32(*value)}});
    } else {
        out.line(hex32(*value));
    }
    return 0;
}

} // namespace dsmilctl
