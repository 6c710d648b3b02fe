// SPDX-License-Identifier: Apache-2.0
#include "grants/kernel.hpp"

#include <algorithm>

namespace dsmil::grants {

Result<KernelFacts> ModuleKernel::facts() {
    const auto control = Control::open(paths_);
    if (!control) {
        return std::unexpected(control.error());
    }
    const auto info = control->info();
    if (!info) {
        return std::unexpected(info.error());
    }
    if (info->firmware_kind == DSMIL_FIRMWARE_NONE) {
        return fail(Code::firmware_missing, "a grant is for the firmware that is there");
    }
    auto netlink = Netlink::open();
    if (!netlink) {
        return std::unexpected(std::move(netlink.error()));
    }
    auto keys = netlink->grant_keys();
    if (!keys) {
        return std::unexpected(std::move(keys.error()));
    }
    KernelFacts facts;
    std::ranges::copy(info->load_id, facts.load_id.begin());
    facts.firmware_kind = static_cast<std::uint8_t>(info->firmware_kind);
    facts.supports_grants = info->grants_supported != 0;
    facts.keys = std::move(*keys);
    return facts;
}

} // namespace dsmil::grants
