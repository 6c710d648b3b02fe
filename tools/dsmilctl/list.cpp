// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "device_view.hpp"
#include "output.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>

namespace dsmilctl {
namespace {

constexpr std::uint64_t first_layer = 2;
constexpr std::uint64_t last_layer = 9;

struct Filter {
    std::optional<std::uint16_t> group;
    std::optional<std::uint64_t> layer;
    std::optional<dsmil::Risk> risk;

    [[nodiscard]] bool takes(const dsmil_device &device) const {
        return (!group || *group == device.group) && (!layer || *layer == device.layer) &&
               (!risk || static_cast<std::uint8_t>(*risk) == device.risk);
    }
};

dsmil::Result<Filter> filter_of(const Call &call) {
    Filter filter;
    if (const auto text = call.option("--group")) {
        const auto group = parse_group(*text);
        if (!group) {
            return std::unexpected(group.error());
        }
        filter.group = *group;
    }
    if (const auto text = call.option("--layer")) {
        const auto layer = parse_number("layer", *text, last_layer);
        if (!layer) {
            return std::unexpected(layer.error());
        }
        if (*layer < first_layer) {
            return dsmil::fail(dsmil::Code::usage, "layers are 2 to 9");
        }
        filter.layer = *layer;
    }
    if (const auto text = call.option("--risk")) {
        const auto risk = parse_risk(*text);
        if (!risk) {
            return std::unexpected(risk.error());
        }
        filter.risk = *risk;
    }
    return filter;
}

void print_table(const std::vector<dsmil_device> &devices, Output &out) {
    std::vector<std::vector<std::string>> rows = {
        {"NUMBER", "ID", "NAME", "GROUP", "LAYER", "RISK", "PRESENT"}};
    std::vector<std::string_view> colours = {{}};
    for (const auto &device : devices) {
        rows.push_back({std::to_string(device.number), hex16(device.id), text_of(device.name),
                        text_of(device.group_name), device.layer != 0 ? std::to_string(device.layer) : "-",
                        risk_name(device.risk), device.present != 0 ? "yes" : "no"});
        colours.push_back(out.colour(static_cast<dsmil::Risk>(device.risk)));
    }
    out.table(rows, colours);
}

} // namespace

dsmil::Result<int> run_list(const Call &call, Output &out) {
    const auto filter = filter_of(call);
    if (!filter) {
        return std::unexpected(filter.error());
    }
    auto devices = all_devices(call.paths);
    if (!devices) {
        return std::unexpected(devices.error());
    }
    std::erase_if(*devices, [&filter](const dsmil_device &device) { return !filter->takes(device); });
    if (!call.json) {
        print_table(*devices, out);
        return 0;
    }
    boost::json::array list;
    for (const auto &device : *devices) {
        list.emplace_back(device_json(device));
    }
    out.object({{"schema", call.command->schema}, {"devices", std::move(list)}});
    return 0;
}

} // namespace dsmilctl
