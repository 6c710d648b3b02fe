// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "device_view.hpp"
#include "output.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>

namespace dsmilctl {
namespace {

bool is_added(const dsmil_device &device) {
    return dsmil::catalog()[device.number].risk != dsmil::Risk::quarantined;
}

} // namespace

dsmil::Result<int> run_quarantine_list(const Call &call, Output &out) {
    auto devices = all_devices(call.paths);
    if (!devices) {
        return std::unexpected(devices.error());
    }
    std::erase_if(*devices, [](const dsmil_device &device) {
        return device.risk != DSMIL_RISK_QUARANTINED || device.number >= DSMIL_DEVICE_COUNT;
    });
    std::vector<std::vector<std::string>> rows = {{"ID", "NAME", "BY"}};
    boost::json::array list;
    for (const auto &device : *devices) {
        rows.push_back({hex16(device.id), text_of(device.name), is_added(device) ? "addition" : "catalogue"});
        list.push_back(
            {{"id", hex16(device.id)}, {"name", text_of(device.name)}, {"added", is_added(device)}});
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"devices", std::move(list)}});
    } else {
        out.table(rows, std::vector<std::string_view>(rows.size()));
    }
    return 0;
}

} // namespace dsmilctl
