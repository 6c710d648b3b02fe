// SPDX-License-Identifier: Apache-2.0
#include "device/state.hpp"

#include "base/file.hpp"
#include "device/words.hpp"
#include "dsmil/catalog.hpp"
#include "dsmil/status_page.hpp"

#include <algorithm>
#include <format>
#include <iterator>

namespace dsmil {
namespace {

template <std::size_t N>
std::string bounded_text(const char (&text)[N]) { // the kernel's, or full
    return {std::begin(text), std::find(std::begin(text), std::end(text), '\0')};
}

constexpr std::size_t max_version_bytes = 64; // SMBIOS strings of that kind have a few

std::string_view firmware_name(std::uint32_t kind) {
    switch (kind) {
    case DSMIL_FIRMWARE_DELL:
        return "dell";
    case DSMIL_FIRMWARE_SIM:
        return "sim";
    default:
        return "none";
    }
}

std::string statement_line(Register reg, const RegisterState &state) {
    if (state.boottime_ns == 0) {
        return std::format("{} none\n", name(reg));
    }
    return state.result == 0 ? std::format("{} 0x{:08X} at {}\n", name(reg), state.value, state.boottime_ns)
                             : std::format("{} error {} at {}\n", name(reg), state.result, state.boottime_ns);
}

} // namespace

std::string system_firmware_version(const std::string &dmi) {
    std::string version = read_file(dmi + "/bios_version", max_version_bytes + 1).value_or("");
    version.erase(std::min(version.find_last_not_of(" \n") + 1, version.size())); // npos + 1 is 0
    return version;
}

Result<DeviceState> read_device_state(const DevicePlaces &places, std::uint16_t id) {
    const auto control = Control::open({.nodes = places.nodes});
    const auto page = control ? StatusPage::open(*control).and_then(
                                    [](const StatusPage &mapping) { return mapping.snapshot(); })
                              : std::unexpected(control.error());
    const auto module = page ? control->info() : std::unexpected(page.error());
    if (!module) {
        return std::unexpected(module.error());
    }
    const auto *device = std::ranges::find(page->devices, id, &dsmil_status_device::id);
    if (page->firmware_kind == DSMIL_FIRMWARE_NONE || (page->flags & DSMIL_STATUS_STALE) != 0) {
        return fail(Code::firmware_missing, "the last known state is of a firmware that has gone");
    }
    if (device == std::end(page->devices) || device->present == 0) {
        return fail(Code::device_absent, std::format("this board lacks {}", describe_id(id)));
    }
    DeviceState state{.id = id,
                      .firmware = std::string(firmware_name(page->firmware_kind)),
                      .firmware_version = page->firmware_kind == DSMIL_FIRMWARE_SIM
                                              ? bounded_text(module->module_version)
                                              : system_firmware_version(places.dmi),
                      .load_id = {},
                      .registers = {}};
    std::copy_n(std::begin(page->load_id), state.load_id.size(), state.load_id.begin());
    for (std::size_t i = 0; i < state.registers.size(); i++) {
        const auto &reg = device->registers[i];
        state.registers.at(i) = {.boottime_ns = reg.time_ns, .result = reg.result, .value = reg.value};
    }
    return state;
}

std::string device_statement(const DeviceState &state, ByteView nonce) {
    std::string text = std::format(
        "dsmil-device-statement-v1\ndevice 0x{:04X}\nfirmware {}\nfirmware_version {}\nload_id {}\n",
        state.id, state.firmware,
        state.firmware_version.empty() ? "unknown" : in_one_line(state.firmware_version),
        to_hex(state.load_id));
    for (std::size_t i = 0; i < state.registers.size(); i++) {
        text += statement_line(static_cast<Register>(i), state.registers.at(i));
    }
    return text + std::format("nonce {}\n", to_hex(nonce));
}

std::string device_configuration(const DeviceState &state) {
    std::string text = std::format("0x{:04X}", state.id);
    for (std::size_t i = 0; i < state.registers.size(); i++) {
        const auto &reg = state.registers.at(i);
        text += std::format(" {}=", name(static_cast<Register>(i)));
        text += reg.boottime_ns == 0 ? "none"
                : reg.result != 0    ? "error"
                                     : std::format("0x{:08X}", reg.value);
    }
    return text;
}

} // namespace dsmil
