// SPDX-License-Identifier: Apache-2.0
#include "api/peer.hpp"

#include "base/file.hpp"

#include <algorithm>
#include <cerrno>
#include <format>
#include <grp.h>
#include <sys/socket.h>

namespace dsmil::api {
namespace {

constexpr std::array<std::string_view, role_count> role_names = {"none", "reader", "operator", "approver",
                                                                 "admin"};

} // namespace

std::string_view name(Role role) {
    return role_names.at(static_cast<std::size_t>(role));
}

Result<Peer> peer_of(int socket) {
    ucred credentials{};
    socklen_t size = sizeof(credentials);
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return fail_errno(Code::permission, "asking who connected", errno);
    }
    std::vector<gid_t> groups(32);
    size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    int failed = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    if (failed != 0 && errno == ERANGE) { // size says now how many there are
        groups.resize(size / sizeof(gid_t));
        failed = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    }
    if (failed != 0) {
        return fail_errno(Code::permission, "asking for the groups of who connected", errno);
    }
    groups.resize(size / sizeof(gid_t));
    groups.push_back(credentials.gid);
    Peer peer{
        credentials.uid, static_cast<std::uint32_t>(credentials.pid), {groups.begin(), groups.end()}, {}};
    if (auto comm = read_file(std::format("/proc/{}/comm", credentials.pid), 64)) {
        comm->erase(comm->find_last_not_of('\n') + 1);
        peer.comm = std::move(*comm);
    }
    return peer;
}

Result<std::uint32_t> group_id(const std::string &name) {
    ::group entry{};
    ::group *found = nullptr;
    std::vector<char> buffer(1024);
    while (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) == ERANGE) {
        buffer.resize(buffer.size() * 2);
    }
    if (found == nullptr) {
        return fail(Code::not_found, std::format("there is no group {}", name));
    }
    return found->gr_gid;
}

Roles Roles::from(const Config &config, std::vector<std::string> &unknown) {
    Roles roles;
    const std::array<std::pair<Role, const std::vector<std::string> *>, 4> table = {{
        {Role::reader, &config.roles.reader},
        {Role::operator_, &config.roles.operator_},
        {Role::approver, &config.roles.approver},
        {Role::admin, &config.roles.admin},
    }};
    for (const auto &[role, names] : table) {
        for (const auto &group : *names) {
            if (const auto gid = group_id(group)) {
                roles.grant(role, *gid, group);
            } else {
                unknown.push_back(group);
            }
        }
    }
    return roles;
}

void Roles::grant(Role role, std::uint32_t gid, std::string group) {
    groups_.at(static_cast<std::size_t>(role)).push_back({gid, std::move(group)});
}

Role Roles::of(const Peer &peer) const {
    if (peer.uid == 0) {
        return Role::admin;
    }
    for (std::size_t role = role_count; role-- > 0;) {
        const auto member = [&](const Group &group) { return std::ranges::contains(peer.groups, group.gid); };
        if (std::ranges::any_of(groups_.at(role), member)) {
            return static_cast<Role>(role);
        }
    }
    return Role::none;
}

std::string Roles::groups_for(Role role) const {
    std::string names;
    for (auto at = static_cast<std::size_t>(role); at < role_count; at++) {
        for (const auto &group : groups_.at(at)) {
            names += std::format("{}{}", names.empty() ? "" : ", ", group.name);
        }
    }
    return names.empty() ? "no group" : names;
}

} // namespace dsmil::api
