// SPDX-License-Identifier: Apache-2.0
// Who is at the other end of the socket, and what they may do.
#pragma once

#include "config/config.hpp"
#include "dsmil/error.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::api {

// Each includes those before it.
enum class Role : std::uint8_t { none, reader, operator_, approver, admin };
inline constexpr std::size_t role_count = 5;

[[nodiscard]] std::string_view name(Role role); // "reader", "operator" ...

// A process, as it was when it connected.
struct Peer {
    std::uint32_t uid = 0;
    std::uint32_t pid = 0;
    std::vector<std::uint32_t> groups; // the primary one and the supplementary ones
    std::string comm;                  // for the record, not for decisions; may be empty
};

// From the kernel (SO_PEERCRED, SO_PEERGROUPS): the groups that the process
// has, not those that a database says its user has, so that nothing is looked
// up and a process that gave up a group has given up its role.
[[nodiscard]] Result<Peer> peer_of(int socket);

class Roles {
  public:
    // Names of groups that do not exist are put into `unknown`.
    [[nodiscard]] static Roles from(const Config &config, std::vector<std::string> &unknown);

    void grant(Role role, std::uint32_t gid, std::string group);
    [[nodiscard]] Role of(const Peer &peer) const; // root is admin
    // The groups that give `role` or more, for error messages.
    [[nodiscard]] std::string groups_for(Role role) const;

  private:
    struct Group {
        std::uint32_t gid;
        std::string name;
    };
    std::array<std::vector<Group>, role_count> groups_;
};

// not_found when there is no such group.
[[nodiscard]] Result<std::uint32_t> group_id(const std::string &name);

} // namespace dsmil::api
