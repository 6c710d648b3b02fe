// SPDX-License-Identifier: Apache-2.0
// The client of the generic netlink family "dsmil" (docs/netlink/dsmil.yaml).
#pragma once

#include "dsmil/error.hpp"

#include <array>
#include <cstdint>
#include <linux/dsmil.h>
#include <memory>
#include <string>
#include <vector>

namespace dsmil {

// An enrolled key: its id (SHA-256 of the point, 0x04 X Y) and who holds it.
struct GrantKey {
    std::array<std::uint8_t, 32> id;
    std::string owner;
};

// A device that is never written, and why.
struct Quarantined {
    std::uint16_t id;
    std::string name;
    bool added; // by user space, since the module was loaded; else compiled in
};

class Netlink {
  public:
    // module_missing when the family is not there.
    [[nodiscard]] static Result<Netlink> open();
    Netlink(Netlink &&) noexcept;
    Netlink &operator=(Netlink &&) noexcept;
    ~Netlink();

    // Metadata of all devices; needs no privilege.
    [[nodiscard]] Result<std::vector<dsmil_device>> devices();

    // The quarantined devices; needs no privilege and no firmware.
    [[nodiscard]] Result<std::vector<Quarantined>> quarantine();

    // The keys whose grants count; needs no privilege.
    [[nodiscard]] Result<std::vector<GrantKey>> grant_keys();

    // Joins the multicast group "events"; needs CAP_SYS_ADMIN (permission).
    [[nodiscard]] Result<void> join_events();
    [[nodiscard]] int fd() const; // for poll
    // Waits for the next events; loss in the socket is an event of type
    // DSMIL_EVENT_GAP with sequence 0 (the ring has what was lost).
    [[nodiscard]] Result<std::vector<dsmil_event>> receive();

  private:
    struct Impl; // hides libnl
    explicit Netlink(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace dsmil
