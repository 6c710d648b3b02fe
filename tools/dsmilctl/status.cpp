// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "device_view.hpp"
#include "dsmil/status_page.hpp"
#include "output.hpp"
#include "text.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <cstring>
#include <ctime>
#include <format>

namespace dsmilctl {
namespace {

constexpr std::uint64_t ns_a_second = 1'000'000'000;

// Whether the value is one that the firmware gave: the last answer was good, or an
// earlier one was.
bool is_known(const dsmil_status_register &state) {
    return state.time_ns != 0 && state.result == 0;
}

std::string register_text(const dsmil_status_register &state) {
    if (state.time_ns == 0) {
        return "-";
    }
    return is_known(state) ? hex32(state.value) : std::format("!{}", ::strerrorname_np(-state.result));
}

std::string age_text(const dsmil_status_device &device) {
    std::uint64_t newest = 0;
    for (const auto &state : device.registers) {
        newest = std::max<std::uint64_t>(newest, state.time_ns);
    }
    if (newest == 0) {
        return "-";
    }
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    const auto now_ns =
        static_cast<std::uint64_t>(now.tv_sec) * ns_a_second + static_cast<std::uint64_t>(now.tv_nsec);
    return duration(now_ns > newest ? (now_ns - newest) / ns_a_second : 0);
}

const dsmil::CatalogDevice &catalog_entry(const dsmil_status_device &device) {
    return dsmil::catalog()[static_cast<std::size_t>(device.id - DSMIL_DEVICE_ID_BASE) % DSMIL_DEVICE_COUNT];
}

boost::json::object device_state_json(const dsmil_status_device &device) {
    boost::json::array registers;
    for (std::size_t reg = 0; reg < DSMIL_REGISTER_COUNT; reg++) {
        const auto &state = device.registers[reg];
        registers.push_back({
            {"name", dsmil::name(static_cast<dsmil::Register>(reg))},
            {"value", is_known(state) ? boost::json::value(hex32(state.value)) : nullptr},
            {"result", state.result},
            {"boottime_ns", state.time_ns != 0 ? boost::json::value(state.time_ns) : nullptr},
        });
    }
    return {
        {"id", hex16(device.id)},         {"name", catalog_entry(device).name},
        {"present", device.present != 0}, {"risk", risk_name(device.risk)},
        {"changes", device.changes},      {"registers", std::move(registers)},
    };
}

boost::json::object page_json(const dsmil_status_page &page, const std::vector<dsmil_status_device> &devices,
                              std::string_view schema) {
    boost::json::array list;
    for (const auto &device : devices) {
        list.emplace_back(device_state_json(device));
    }
    return {
        {"schema", schema},
        {"load_id", dsmil::to_hex(page.load_id)},
        {"firmware", firmware_name(page.firmware_kind)},
        {"stale", (page.flags & DSMIL_STATUS_STALE) != 0},
        {"sweeps", page.sweeps},
        {"sweep_ns", page.sweep_ns != 0 ? boost::json::value(page.sweep_ns) : nullptr},
        {"devices", std::move(list)},
    };
}

void print_page(const dsmil_status_page &page, const std::vector<dsmil_status_device> &devices, Output &out) {
    std::vector<std::vector<std::string>> rows = {
        {"ID", "NAME", "STATUS", "CONFIG", "DATA", "AGE", "CHANGES"}};
    std::vector<std::string_view> colours = {{}};
    for (const auto &device : devices) {
        rows.push_back({hex16(device.id), std::string(catalog_entry(device).name),
                        register_text(device.registers[DSMIL_REG_STATUS]),
                        register_text(device.registers[DSMIL_REG_CONFIG]),
                        register_text(device.registers[DSMIL_REG_DATA]), age_text(device),
                        std::to_string(device.changes)});
        colours.push_back(out.colour(static_cast<dsmil::Risk>(device.risk)));
    }
    out.table(rows, colours);
    if ((page.flags & DSMIL_STATUS_STALE) != 0) {
        out.line("The firmware that this came from has gone.");
    }
}

} // namespace

dsmil::Result<int> run_status(const Call &call, Output &out) {
    const dsmil::CatalogDevice *wanted = nullptr;
    if (const auto text = call.option("DEVICE")) {
        const auto device = parse_device(*text);
        if (!device) {
            return std::unexpected(device.error());
        }
        wanted = *device;
    }
    const auto control = dsmil::Control::open(call.paths);
    if (!control) {
        return std::unexpected(control.error());
    }
    const auto mapping = dsmil::StatusPage::open(*control);
    if (!mapping) {
        return std::unexpected(mapping.error());
    }
    const auto page = mapping->snapshot();
    if (!page) {
        return std::unexpected(page.error());
    }
    std::vector<dsmil_status_device> devices;
    std::ranges::copy_if(page->devices, std::back_inserter(devices),
                         [wanted](const dsmil_status_device &device) {
                             return wanted != nullptr ? device.id == wanted->id : device.present != 0;
                         });
    if (wanted != nullptr && devices.front().present == 0 && (page->flags & DSMIL_STATUS_STALE) == 0) {
        return dsmil::fail(page->firmware_kind == DSMIL_FIRMWARE_NONE ? dsmil::Code::firmware_missing
                                                                      : dsmil::Code::device_absent,
                           std::format("this board lacks {}", dsmil::describe_id(wanted->id)));
    }
    if (call.json) {
        out.object(page_json(*page, devices, call.command->schema));
    } else {
        print_page(*page, devices, out);
    }
    return 0;
}

} // namespace dsmilctl
