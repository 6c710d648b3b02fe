// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "device_view.hpp"
#include "output.hpp"
#include "text.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <format>

namespace dsmilctl {
namespace {

using dsmil::Register;

struct RegisterView {
    Register reg;
    std::uint16_t token;
    std::uint8_t risk;
    std::uint8_t reason;
    bool writable;
    dsmil::Result<std::uint32_t> value;
};

// Why a write would be refused or not, as a sentence for people.
std::string why(const dsmil_device &device, const RegisterView &view) {
    switch (view.reason) {
    case DSMIL_REASON_ALLOWED:
        return "may be written with CAP_SYS_RAWIO";
    case DSMIL_REASON_QUARANTINED:
        return "the device is quarantined: never written";
    case DSMIL_REASON_QUARANTINED_AS_ID:
        return std::format("read as a device id, the token is {}: never written",
                           dsmil::describe_id(view.token));
    case DSMIL_REASON_ALIAS:
        return std::format("shares its location with a token that is {} or unknown: never written",
                           risk_name(view.risk));
    case DSMIL_REASON_LOCKED:
        return "read-only: never written";
    case DSMIL_REASON_LOCATION_UNKNOWN:
        return device.present != 0 ? "the firmware names no stable location" : "this board lacks the device";
    case DSMIL_REASON_GRANT_REQUIRED:
        return "needs a signed grant";
    default:
        return reason_name(view.reason);
    }
}

std::vector<RegisterView> views(const dsmil_device &device, const dsmil::Paths &paths) {
    const auto opened = device.present != 0
                            ? dsmil::Device::open(device.id, dsmil::Device::Access::read, paths)
                            : dsmil::fail(dsmil::Code::device_absent, "this board lacks the device");
    std::vector<RegisterView> all;
    for (std::uint8_t i = 0; i < DSMIL_REGISTER_COUNT; i++) {
        const auto reg = static_cast<Register>(i);
        all.push_back({reg, static_cast<std::uint16_t>(device.token_base + i), device.register_risk[i],
                       device.register_reason[i], writable(device, i),
                       opened ? opened->read(reg) : std::unexpected(opened.error())});
    }
    return all;
}

void print_text(const dsmil_device &device, const std::vector<RegisterView> &registers, Output &out) {
    std::vector<std::vector<std::string>> facts = {
        {"device", std::format("{} {}", hex16(device.id), text_of(device.name))},
        {"number", std::to_string(device.number)},
        {"group", std::format("{} {}", device.group, text_of(device.group_name))},
        {"risk", risk_name(device.risk)},
        {"present", device.present != 0 ? "yes" : "no"},
    };
    if (device.layer != 0) {
        facts.push_back({"layer", std::format("{} {}", device.layer, text_of(device.layer_name))});
    }
    if (device.service_name[0] != '\0') {
        facts.push_back({"service", text_of(device.service_name)});
    }
    if (device.clearance != 0) {
        facts.push_back({"clearance", hex32(device.clearance)});
    }
    out.table(facts);
    out.line("");
    std::vector<std::vector<std::string>> rows = {{"REGISTER", "TOKEN", "VALUE", "RISK", "WRITABLE", "WHY"}};
    std::vector<std::string_view> colours = {{}};
    for (const auto &view : registers) {
        rows.push_back(
            {std::string(dsmil::name(view.reg)), hex16(view.token),
             view.value ? hex32(*view.value) : std::string(dsmil::info(view.value.error().code).name),
             risk_name(view.risk), view.writable ? "yes" : "no", why(device, view)});
        colours.push_back(out.colour(static_cast<dsmil::Risk>(view.risk)));
    }
    out.table(rows, colours);
}

boost::json::object json(const dsmil_device &device, const std::vector<RegisterView> &registers) {
    boost::json::array list;
    for (const auto &view : registers) {
        boost::json::object object{
            {"name", dsmil::name(view.reg)},
            {"token", hex16(view.token)},
            {"risk", risk_name(view.risk)},
            {"writable", view.writable},
            {"reason", reason_name(view.reason)},
            {"why", why(device, view)},
            {"value", nullptr},
            {"value_error", nullptr},
        };
        if (view.value) {
            object["value"] = hex32(*view.value);
        } else {
            object["value_error"] = dsmil::info(view.value.error().code).name;
        }
        list.emplace_back(std::move(object));
    }
    auto object = device_json(device);
    object["registers"] = std::move(list);
    return object;
}

} // namespace

dsmil::Result<int> run_show(const Call &call, Output &out) {
    const auto wanted = parse_device(call.argument("DEVICE"));
    if (!wanted) {
        return std::unexpected(wanted.error());
    }
    const auto devices = all_devices(call.paths);
    if (!devices) {
        return std::unexpected(devices.error());
    }
    const auto device = std::ranges::find(*devices, (*wanted)->id, &dsmil_device::id);
    if (device == devices->end()) {
        return dsmil::fail(dsmil::Code::device_unknown,
                           std::format("the module does not list {}", dsmil::describe_id((*wanted)->id)));
    }
    const auto registers = views(*device, call.paths);
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"device", json(*device, registers)}});
    } else {
        print_text(*device, registers, out);
    }
    return 0;
}

} // namespace dsmilctl
