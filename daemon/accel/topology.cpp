// SPDX-License-Identifier: Apache-2.0
#include "accel/topology.hpp"

#include "base/file.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <format>
#include <map>
#include <sys/mman.h>
#include <utility>

namespace dsmil::accel {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_file_bytes = 65536;
constexpr unsigned max_entries = 4096; // nodes, caches and zones that are looked at

std::string trimmed(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.pop_back();
    }
    return text;
}

std::optional<std::string> read(const fs::path &path) {
    auto text = read_file(path.string(), max_file_bytes);
    if (!text) {
        return std::nullopt;
    }
    return trimmed(std::move(*text));
}

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

template <typename Number>
std::optional<Number> read_number(const fs::path &path) {
    const auto text = read(path);
    return text ? number_of<Number>(*text) : std::nullopt;
}

CpuList read_list(const fs::path &path) {
    const auto text = read(path);
    return text ? parse_cpu_list(*text).value_or(CpuList{}) : CpuList{};
}

// The numbers of the entries "prefixN", ascending.
std::vector<unsigned> numbered(const fs::path &folder, std::string_view prefix) {
    std::vector<unsigned> found;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error);
         !error && entry != fs::directory_iterator() && found.size() < max_entries; entry.increment(error)) {
        const auto name = entry->path().filename().string();
        if (name.starts_with(prefix)) {
            if (const auto number = number_of<unsigned>(std::string_view(name).substr(prefix.size()))) {
                found.push_back(*number);
            }
        }
    }
    std::ranges::sort(found);
    return found;
}

// "32K", "2048K", "1M".
std::uint64_t bytes_of(std::string_view text) {
    std::uint64_t unit = 1;
    if (text.ends_with('K')) {
        unit = 1U << 10;
    } else if (text.ends_with('M')) {
        unit = 1U << 20;
    }
    return number_of<std::uint64_t>(unit == 1 ? text : text.substr(0, text.size() - 1)).value_or(0) * unit;
}

std::vector<Cache> read_caches(const fs::path &cpus, const CpuList &online) {
    // One that several processors share is counted at the first of them.
    std::map<std::pair<unsigned, std::string>, Cache> caches;
    for (const unsigned cpu : online) {
        const auto folder = cpus / std::format("cpu{}", cpu) / "cache";
        for (const unsigned index : numbered(folder, "index")) {
            const auto one = folder / std::format("index{}", index);
            const auto sharers = read_list(one / "shared_cpu_list");
            const auto level = read_number<unsigned>(one / "level");
            const auto type = read(one / "type");
            if (!level || !type || (!sharers.empty() && sharers.front() != cpu)) {
                continue;
            }
            auto &cache = caches[{*level, *type}];
            cache.level = *level;
            cache.type = *type;
            cache.bytes = std::max(cache.bytes, bytes_of(read(one / "size").value_or("")));
            cache.number++;
        }
    }
    std::vector<Cache> list;
    list.reserve(caches.size());
    for (auto &[key, cache] : caches) {
        list.push_back(std::move(cache));
    }
    return list;
}

// "Node 0 MemTotal:       24684084 kB"
std::uint64_t memory_of(const std::string &meminfo) {
    constexpr std::string_view word = "MemTotal:";
    const auto at = meminfo.find(word);
    if (at == std::string::npos) {
        return 0;
    }
    const auto first = meminfo.find_first_not_of(' ', at + word.size());
    const auto last = first == std::string::npos ? first : meminfo.find(' ', first);
    return last == std::string::npos
               ? 0
               : number_of<std::uint64_t>(std::string_view(meminfo).substr(first, last - first)).value_or(0) *
                     1024;
}

std::vector<NumaNode> read_nodes(const fs::path &folder) {
    std::vector<NumaNode> nodes;
    for (const unsigned id : numbered(folder, "node")) {
        const auto one = folder / std::format("node{}", id);
        nodes.push_back({.id = id,
                         .cpus = read_list(one / "cpulist"),
                         .memory_bytes = memory_of(read(one / "meminfo").value_or(""))});
    }
    return nodes;
}

std::vector<ThermalZone> read_thermal(const fs::path &folder) {
    std::vector<ThermalZone> zones;
    for (const unsigned id : numbered(folder, "thermal_zone")) {
        const auto one = folder / std::format("thermal_zone{}", id);
        if (const auto milli = read_number<long>(one / "temp")) {
            zones.push_back(
                {.type = read(one / "type").value_or(""), .celsius = static_cast<double>(*milli) / 1000});
        }
    }
    return zones;
}

std::optional<std::uint64_t> read_throttled(const fs::path &cpus, const CpuList &online) {
    std::optional<std::uint64_t> sum;
    for (const unsigned cpu : online) {
        const auto count = read_number<std::uint64_t>(cpus / std::format("cpu{}", cpu) /
                                                      "thermal_throttle/core_throttle_count");
        if (count) {
            sum = sum.value_or(0) + *count;
        }
    }
    return sum;
}

} // namespace

std::optional<CpuList> parse_cpu_list(std::string_view text) {
    CpuList list;
    while (!text.empty()) {
        const auto comma = text.find(',');
        const auto part = text.substr(0, comma);
        const auto dash = part.find('-');
        const auto first = number_of<unsigned>(part.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : number_of<unsigned>(part.substr(dash + 1));
        if (!first || !last || *first > *last || *last > max_cpu ||
            (!list.empty() && *first <= list.back()) || comma == text.size() - 1) {
            return std::nullopt;
        }
        for (unsigned cpu = *first; cpu <= *last; cpu++) {
            list.push_back(cpu);
        }
        text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
    }
    return list;
}

Topology read_topology(const std::string &sysfs) {
    const fs::path devices = fs::path(sysfs) / "devices";
    const auto cpus = devices / "system/cpu";
    Topology found;
    found.online = read_list(cpus / "online");
    // The perf drivers of a hybrid processor, one a kind of core.
    found.performance = read_list(devices / "cpu_core/cpus");
    found.efficiency = read_list(devices / "cpu_atom/cpus");
    found.nodes = read_nodes(devices / "system/node");
    found.caches = read_caches(cpus, found.online);
    found.thermal = read_thermal(fs::path(sysfs) / "class/thermal");
    found.throttled = read_throttled(cpus, found.online);
    return found;
}

Result<double> measure_read_bandwidth() {
    constexpr std::size_t bytes = std::size_t{256} << 20;
    constexpr std::size_t words = bytes / sizeof(std::uint64_t);
    void *const mapped =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (mapped == MAP_FAILED) {
        return fail_errno(Code::failed, "no memory to measure with", errno);
    }
    const auto *const memory = static_cast<const std::uint64_t *>(mapped);
    double best = 0;
    std::uint64_t sink = 0;
    for (int pass = 0; pass < 3; pass++) {
        const auto start = std::chrono::steady_clock::now();
        std::uint64_t sums[8] = {}; // as many independent additions as keep the loads busy
        for (std::size_t i = 0; i < words; i += 8) {
            for (std::size_t k = 0; k < 8; k++) {
                sums[k] += memory[i + k];
            }
        }
        const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
        for (const auto sum : sums) {
            sink += sum;
        }
        best = std::max(best, static_cast<double>(bytes) / spent.count());
    }
    munmap(mapped, bytes);
    if (sink != 0) { // the mapping is all zeros; this keeps the loop from being optimised away
        return fail(Code::internal, "memory that was never written is not zero");
    }
    return best;
}

} // namespace dsmil::accel
