// SPDX-License-Identifier: Apache-2.0
// Prints every device that this board has, with the status of those that the
// caller may read.
#include <dsmil/client.hpp>
#include <iostream>

int main() {
    const auto control = dsmil::Control::open();
    if (!control) {
        const auto &info = dsmil::info(control.error().code);
        std::cerr << info.message << ": " << control.error().detail << "; " << info.remedy << '\n';
        return info.exit;
    }
    const auto devices = control->devices();
    if (!devices) {
        return dsmil::info(devices.error().code).exit;
    }
    std::cout << std::hex << std::showbase;
    for (const auto &entry : *devices) {
        if (entry.present == 0) {
            continue;
        }
        const auto device = dsmil::Device::open(entry.id, dsmil::Device::Access::read);
        const auto status = device.and_then([](const auto &d) { return d.read(dsmil::Register::status); });
        std::cout << entry.id << ' ' << entry.name << ": ";
        if (status) {
            std::cout << *status << '\n';
        } else {
            std::cout << dsmil::info(status.error().code).message << '\n';
        }
    }
}
