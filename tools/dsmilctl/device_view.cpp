// SPDX-License-Identifier: Apache-2.0
#include "device_view.hpp"

#include "dsmil/event.hpp"
#include "dsmil/netlink.hpp"
#include "text.hpp"

#include <format>
#include <optional>
#include <string_view>

namespace dsmilctl {
namespace {

std::string word_or(std::optional<std::string_view> word, std::string_view what, std::uint32_t number) {
    return word ? std::string(*word) : std::format("{} {}", what, number);
}

} // namespace

dsmil::Result<std::vector<dsmil_device>> all_devices(const dsmil::Paths &paths) {
    const auto control = dsmil::Control::open(paths);
    if (control) {
        return control->devices();
    }
    if (control.error().code != dsmil::Code::permission) {
        return std::unexpected(control.error());
    }
    auto netlink = dsmil::Netlink::open();
    if (!netlink) {
        return std::unexpected(control.error());
    }
    return netlink->devices();
}

std::string risk_name(std::uint32_t risk) {
    return word_or(dsmil::risk_word(risk), "risk", risk);
}

std::string reason_name(std::uint32_t reason) {
    return word_or(dsmil::reason_word(reason), "reason", reason);
}

std::string firmware_name(std::uint32_t kind) {
    return word_or(dsmil::firmware_word(kind), "kind", kind);
}

bool writable(const dsmil_device &device, std::size_t reg) {
    return device.present != 0 && device.register_reason[reg] == DSMIL_REASON_ALLOWED;
}

boost::json::object device_json(const dsmil_device &device) {
    const bool bound = device.layer != 0;
    const auto text_or_null = [](const std::string &text) {
        return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
    };
    return {
        {"number", device.number},
        {"id", hex16(device.id)},
        {"name", text_of(device.name)},
        {"group", device.group},
        {"group_name", text_of(device.group_name)},
        {"layer", bound ? boost::json::value(device.layer) : boost::json::value(nullptr)},
        {"layer_name", text_or_null(text_of(device.layer_name))},
        {"service_name", text_or_null(text_of(device.service_name))},
        {"clearance",
         device.clearance != 0 ? boost::json::value(hex32(device.clearance)) : boost::json::value(nullptr)},
        {"risk", risk_name(device.risk)},
        {"present", device.present != 0},
    };
}

std::vector<std::string> writable_registers(const std::vector<dsmil_device> &devices) {
    std::vector<std::string> found;
    for (const auto &device : devices) {
        std::string registers;
        for (std::size_t reg = 0; reg < DSMIL_REGISTER_COUNT; reg++) {
            if (writable(device, reg)) {
                registers += std::format("{} ", dsmil::name(static_cast<dsmil::Register>(reg)));
            }
        }
        if (!registers.empty()) {
            found.push_back(std::format("{}of {} {}, with CAP_SYS_RAWIO", registers, hex16(device.id),
                                        text_of(device.name)));
        }
    }
    return found;
}

} // namespace dsmilctl
