// SPDX-License-Identifier: Apache-2.0
// Where events come from: the kernel's audit ring, or a queue in tests.
#pragma once

#include "dsmil/client.hpp"

#include <cstdint>
#include <vector>

namespace dsmil {

class Ring {
  public:
    virtual ~Ring() = default;
    [[nodiscard]] virtual int fd() const = 0;
    [[nodiscard]] virtual Result<std::vector<dsmil_event>> read(std::size_t limit) = 0;
    [[nodiscard]] virtual Result<void> advance(std::uint64_t up_to) = 0;
};

class KernelRing final : public Ring {
  public:
    explicit KernelRing(AuditRing ring) : ring_(std::move(ring)) {}
    [[nodiscard]] int fd() const override { return ring_.fd(); }
    [[nodiscard]] Result<std::vector<dsmil_event>> read(std::size_t limit) override {
        return ring_.read(limit);
    }
    [[nodiscard]] Result<void> advance(std::uint64_t up_to) override { return ring_.advance(up_to); }

  private:
    AuditRing ring_;
};

} // namespace dsmil
