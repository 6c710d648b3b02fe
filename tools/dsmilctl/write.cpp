// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "device_view.hpp"
#include "grant_client.hpp"
#include "grant_file.hpp"
#include "output.hpp"
#include "text.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <format>
#include <limits>

namespace dsmilctl {
namespace {

bool by_the_guard(const dsmil::Error &error) {
    return dsmil::info(error.code).name.starts_with("refused_") ||
           error.code == dsmil::Code::capability_required;
}

// What the guard would let root write: of this device if anything, else of all.
boost::json::array allowed_instead(std::uint16_t id, const dsmil::Paths &paths) {
    boost::json::array allowed;
    auto devices = all_devices(paths);
    if (!devices) {
        return allowed;
    }
    const auto everywhere = writable_registers(*devices);
    std::erase_if(*devices, [id](const dsmil_device &device) { return device.id != id; });
    const auto here = writable_registers(*devices);
    for (const auto &text : here.empty() ? everywhere : here) {
        allowed.emplace_back(text);
    }
    return allowed;
}

bool has_many_grants(const Call &call) {
    constexpr std::array<std::string_view, 3> ways = {"--grant", "--granted", "--request"};
    return std::ranges::count_if(ways, [&](std::string_view way) { return call.has(way); }) > 1;
}

// Of a file, of dsmild, or none.
dsmil::Result<std::vector<std::uint8_t>> grant_of(const Call &call) {
    const auto path = call.option("--grant");
    const auto id = call.option("--granted");
    if (path) {
        return read_grant(*path);
    }
    if (id) {
        return call_grant(call, "issue", {{"id", *id}}).transform([](const GrantView &view) {
            return std::vector<std::uint8_t>(view.grant.begin(), view.grant.end());
        });
    }
    return call.has("--request") ? obtain_grant(call) : dsmil::Result<std::vector<std::uint8_t>>{};
}

} // namespace

dsmil::Result<int> run_write(const Call &call, Output &out) {
    if (has_many_grants(call)) {
        return dsmil::fail(dsmil::Code::usage, "--grant, --granted and --request exclude each other");
    }
    const auto wanted = parse_device(call.argument("DEVICE"));
    if (!wanted) {
        return std::unexpected(wanted.error());
    }
    const auto reg = parse_register(call.argument("REGISTER"));
    if (!reg) {
        return std::unexpected(reg.error());
    }
    const auto number =
        parse_number("VALUE", call.argument("VALUE"), std::numeric_limits<std::uint32_t>::max());
    if (!number) {
        return std::unexpected(number.error());
    }
    const auto value = static_cast<std::uint32_t>(*number);
    // First, so that nobody asks for a grant in vain.
    const auto device = dsmil::Device::open((*wanted)->id, dsmil::Device::Access::read_write, call.paths);
    if (!device) {
        return std::unexpected(device.error());
    }
    const auto grant = grant_of(call);
    if (!grant) {
        return std::unexpected(grant.error());
    }
    const auto done = device->write(*reg, value, *grant);
    if (!done) {
        if (!by_the_guard(done.error())) {
            return std::unexpected(done.error());
        }
        return out.fail(done.error(), {{"allowed", allowed_instead((*wanted)->id, call.paths)}});
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"id", hex16((*wanted)->id)},
                    {"name", (*wanted)->name},
                    {"register", dsmil::name(*reg)},
                    {"value", hex32(value)},
                    {"sequence", done->sequence}});
    } else {
        out.line(std::format("wrote {} to {} of {}; audit record {}", hex32(value), dsmil::name(*reg),
                             dsmil::describe_id((*wanted)->id), done->sequence));
    }
    return 0;
}

} // namespace dsmilctl
