// SPDX-License-Identifier: Apache-2.0
#include "accel/tier.hpp"
#include "accel/topology.hpp"
#include "command.hpp"
#include "output.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <format>
#include <optional>
#include <utility>

namespace dsmilctl {
namespace {

namespace accel = dsmil::accel;
using boost::json::array;

constexpr double giga = 1e9;

std::vector<std::string_view> names_of(const accel::Features &has) {
    const std::array<std::pair<std::string_view, bool>, 12> all = {{{"sse4.1", has.sse41},
                                                                    {"aes", has.aes},
                                                                    {"pclmulqdq", has.pclmul},
                                                                    {"sha", has.sha},
                                                                    {"avx2", has.avx2},
                                                                    {"vaes", has.vaes},
                                                                    {"vpclmulqdq", has.vpclmul},
                                                                    {"avx-vnni", has.avx_vnni},
                                                                    {"avx512", has.avx512},
                                                                    {"avx512-vbmi", has.avx512_vbmi},
                                                                    {"avx512-vnni", has.avx512_vnni},
                                                                    {"avx512-ifma", has.avx512_ifma}}};
    std::vector<std::string_view> names;
    for (const auto &[name, there] : all) {
        if (there) {
            names.push_back(name);
        }
    }
    return names;
}

template <typename List>
std::string joined(const List &words, std::string_view between) {
    std::string text;
    for (const auto &word : words) {
        text += text.empty() ? std::format("{}", word) : std::format("{}{}", between, word);
    }
    return text;
}

// "0-3,8"
std::string ranges(const accel::CpuList &cpus) {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < cpus.size();) {
        std::size_t last = i;
        while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) {
            last++;
        }
        parts.push_back(last == i ? std::format("{}", cpus[i]) : std::format("{}-{}", cpus[i], cpus[last]));
        i = last + 1;
    }
    return parts.empty() ? "-" : joined(parts, ",");
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::uint64_t kibi = 1024;
    if (bytes >= kibi * kibi * kibi) {
        return std::format("{:.1f} GiB",
                           static_cast<double>(bytes) / static_cast<double>(kibi * kibi * kibi));
    }
    return bytes % (kibi * kibi) == 0 ? std::format("{} MiB", bytes / kibi / kibi)
                                      : std::format("{} KiB", bytes / kibi);
}

std::vector<std::string_view> tiers_of(const accel::Features &has) {
    std::vector<std::string_view> names;
    for (const auto tier : accel::all_tiers) {
        if (has_tier(has, tier)) {
            names.push_back(name_of(tier));
        }
    }
    return names;
}

void print(const accel::Features &has, accel::Tier tier, const accel::Topology &machine,
           std::optional<double> bandwidth, Output &out) {
    std::vector<std::vector<std::string>> rows;
    const auto row = [&](std::string_view name, std::string text) {
        rows.push_back({std::string(name), std::move(text)});
    };
    row("processor", std::format("{} ({})", printable(has.model), printable(has.vendor)));
    row("tier", std::format("{} (there are {})", name_of(tier), joined(tiers_of(has), ", ")));
    row("features", joined(names_of(has), " "));
    row("cores", ranges(machine.online));
    if (!machine.performance.empty() || !machine.efficiency.empty()) {
        row("performance cores", ranges(machine.performance));
        row("efficiency cores", ranges(machine.efficiency));
    }
    for (const auto &cache : machine.caches) {
        row("cache", std::format("L{} {}: {} x {}", cache.level, printable(cache.type), cache.number,
                                 size_text(cache.bytes)));
    }
    for (const auto &node : machine.nodes) {
        row("NUMA node",
            std::format("{}: cores {}, {}", node.id, ranges(node.cpus), size_text(node.memory_bytes)));
    }
    for (const auto &zone : machine.thermal) {
        row("temperature", std::format("{}: {:.1f} degrees C", printable(zone.type), zone.celsius));
    }
    row("throttled", machine.throttled ? std::format("{} times since boot", *machine.throttled)
                                       : "not told by this machine");
    if (bandwidth) {
        row("read bandwidth", std::format("{:.1f} GB/s, one core", *bandwidth / giga));
    }
    out.table(rows);
}

boost::json::object object_of(const accel::Features &has, accel::Tier tier, const accel::Topology &machine,
                              std::optional<double> bandwidth) {
    array caches;
    for (const auto &cache : machine.caches) {
        caches.push_back({{"level", cache.level},
                          {"type", printable(cache.type)},
                          {"bytes", cache.bytes},
                          {"number", cache.number}});
    }
    array nodes;
    for (const auto &node : machine.nodes) {
        nodes.push_back({{"id", node.id},
                         {"cores", array(node.cpus.begin(), node.cpus.end())},
                         {"memory_bytes", node.memory_bytes}});
    }
    array thermal;
    for (const auto &zone : machine.thermal) {
        thermal.push_back({{"type", printable(zone.type)}, {"celsius", zone.celsius}});
    }
    const auto names = names_of(has);
    const auto tiers = tiers_of(has);
    return {{"vendor", printable(has.vendor)},
            {"model", printable(has.model)},
            {"tier", name_of(tier)},
            {"tiers", array(tiers.begin(), tiers.end())},
            {"features", array(names.begin(), names.end())},
            {"cores", array(machine.online.begin(), machine.online.end())},
            {"performance_cores", array(machine.performance.begin(), machine.performance.end())},
            {"efficiency_cores", array(machine.efficiency.begin(), machine.efficiency.end())},
            {"caches", std::move(caches)},
            {"numa_nodes", std::move(nodes)},
            {"thermal_zones", std::move(thermal)},
            {"throttled", machine.throttled ? boost::json::value(*machine.throttled) : nullptr},
            {"read_bytes_per_second", bandwidth ? boost::json::value(*bandwidth) : nullptr}};
}

} // namespace

dsmil::Result<int> run_accel_info(const Call &call, Output &out) {
    const auto &tier = accel::selected_tier();
    if (!tier) {
        return std::unexpected(tier.error());
    }
    std::optional<double> bandwidth;
    if (call.has("--measure")) {
        const auto measured = accel::measure_read_bandwidth();
        if (!measured) {
            return std::unexpected(measured.error());
        }
        bandwidth = *measured;
    }
    const auto machine = accel::read_topology();
    if (call.json) {
        auto object = object_of(accel::features(), *tier, machine, bandwidth);
        object["schema"] = call.command->schema;
        out.object(object);
    } else {
        print(accel::features(), *tier, machine, bandwidth, out);
    }
    return 0;
}

} // namespace dsmilctl
