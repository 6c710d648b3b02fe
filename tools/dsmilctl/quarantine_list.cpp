// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "dsmil/netlink.hpp"
#include "output.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>

namespace dsmilctl {

// Over netlink: the quarantine is there without firmware too, and is no secret.
dsmil::Result<int> run_quarantine_list(const Call &call, Output &out) {
    auto netlink = dsmil::Netlink::open();
    if (!netlink) {
        return std::unexpected(netlink.error());
    }
    const auto devices = netlink->quarantine();
    if (!devices) {
        return std::unexpected(devices.error());
    }
    std::vector<std::vector<std::string>> rows = {{"ID", "NAME", "BY"}};
    boost::json::array list;
    for (const auto &device : *devices) {
        rows.push_back({hex16(device.id), device.name, device.added ? "addition" : "catalogue"});
        list.push_back({{"id", hex16(device.id)}, {"name", device.name}, {"added", device.added}});
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"devices", std::move(list)}});
    } else {
        out.table(rows, std::vector<std::string_view>(rows.size()));
    }
    return 0;
}

} // namespace dsmilctl
