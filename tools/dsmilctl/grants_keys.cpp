// SPDX-License-Identifier: Apache-2.0
// dsmilctl grants enroll, keys, seal.
#include "base/bytes.hpp"
#include "command.hpp"
#include "dsmil/netlink.hpp"
#include "grants/public_key.hpp"
#include "new_file.hpp"
#include "output.hpp"

#include <boost/json/array.hpp>
#include <format>

namespace dsmilctl {
namespace {

constexpr std::size_t pem_bytes_max = 16384;

} // namespace

dsmil::Result<int> run_grants_enroll(const Call &call, Output &out) {
    const auto &path = call.argument("KEY");
    const auto pem = read_file(path, pem_bytes_max);
    if (!pem) {
        return std::unexpected(pem.error());
    }
    auto point = dsmil::grants::parse_public_key(*pem);
    if (!point) {
        return std::unexpected(std::move(point.error()).in(path));
    }
    const auto control = dsmil::Control::open(call.paths);
    if (!control) {
        return std::unexpected(control.error());
    }
    const auto &owner = call.argument("--owner");
    const auto id = control->add_grant_key(point->xy, owner);
    if (!id) {
        return std::unexpected(id.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"id", dsmil::to_hex(*id)}, {"owner", owner}});
    } else {
        out.line(std::format("{} of {} is enrolled until the module is unloaded", dsmil::to_hex(*id), owner));
    }
    return 0;
}

dsmil::Result<int> run_grants_keys(const Call &call, Output &out) {
    auto netlink = dsmil::Netlink::open();
    if (!netlink) {
        return std::unexpected(netlink.error());
    }
    const auto keys = netlink->grant_keys();
    if (!keys) {
        return std::unexpected(keys.error());
    }
    if (call.json) {
        boost::json::array array;
        for (const auto &key : *keys) {
            array.push_back({{"id", dsmil::to_hex(key.id)}, {"owner", printable(key.owner)}});
        }
        out.object({{"schema", call.command->schema}, {"keys", std::move(array)}});
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {{"ID", "OWNER"}};
    for (const auto &key : *keys) {
        rows.push_back({dsmil::to_hex(key.id), printable(key.owner)});
    }
    out.table(rows);
    return 0;
}

dsmil::Result<int> run_grants_seal(const Call &call, Output &out) {
    const auto control = dsmil::Control::open(call.paths);
    if (!control) {
        return std::unexpected(control.error());
    }
    if (auto sealed = control->seal_grant_keys(); !sealed) {
        return std::unexpected(sealed.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"sealed", true}});
    } else {
        out.line("no key is enrolled any more until the module is loaded again");
    }
    return 0;
}

} // namespace dsmilctl
