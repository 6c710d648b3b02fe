// SPDX-License-Identifier: Apache-2.0
#include "device/state.hpp"

#include "dsmil/catalog.hpp"
#include "dsmil/status_page.hpp"

#include <algorithm>
#include <format>

namespace dsmil {
namespace {

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

Result<DeviceState> read_device_state(const std::string &nodes, std::uint16_t id) {
    const auto page = Control::open({.nodes = nodes})
                          .and_then([](const Control &control) { return StatusPage::open(control); })
                          .and_then([](const StatusPage &mapping) { return mapping.snapshot(); });
    if (!page) {
        return std::unexpected(page.error());
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
    std::string text = std::format("dsmil-device-statement-v1\ndevice 0x{:04X}\nfirmware {}\nload_id {}\n",
                                   state.id, state.firmware, to_hex(state.load_id));
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
