// SPDX-License-Identifier: Apache-2.0
// What a grant must know of the kernel module. Inner header of grants/.
#pragma once

#include "dsmil/client.hpp"
#include "dsmil/netlink.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace dsmil::grants {

struct KernelFacts {
    std::array<std::uint8_t, 16> load_id{};
    std::uint8_t firmware_kind = 0; // enum dsmil_firmware_kind
    bool supports_grants = false;
    std::vector<GrantKey> keys; // that are enrolled
};

class Kernel {
  public:
    virtual ~Kernel() = default;
    // Blocks while the firmware is busy. module_missing, permission.
    [[nodiscard]] virtual Result<KernelFacts> facts() = 0;
};

// Through /dev/dsmil/ctl and netlink.
class ModuleKernel final : public Kernel {
  public:
    explicit ModuleKernel(Paths paths) : paths_(std::move(paths)) {}
    [[nodiscard]] Result<KernelFacts> facts() override;

  private:
    Paths paths_;
};

} // namespace dsmil::grants
