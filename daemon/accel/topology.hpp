// SPDX-License-Identifier: Apache-2.0
// The machine around the vector units, as sysfs tells it: cores of two kinds,
// NUMA nodes, caches, thermal zones, throttle counters. What the kernel does not
// tell (in a guest, in a container) is empty, which is no error. The root of
// sysfs is a parameter, so that tests and other machines' trees can be read.
#pragma once

#include "dsmil/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::accel {

using CpuList = std::vector<unsigned>; // ascending, each once

inline constexpr unsigned max_cpu = 8191; // CONFIG_NR_CPUS of Debian's kernel, less one

// The kernel's list format, "0-3,8,10-11"; nothing for anything else. Empty text is the empty list.
[[nodiscard]] std::optional<CpuList> parse_cpu_list(std::string_view text);

struct Cache {
    unsigned level = 0;
    std::string type;        // "Data", "Instruction", "Unified"
    std::uint64_t bytes = 0; // of one
    unsigned number = 0;     // how many of them the machine has
};

struct NumaNode {
    unsigned id = 0;
    CpuList cpus;
    std::uint64_t memory_bytes = 0;
};

struct ThermalZone {
    std::string type; // "x86_pkg_temp"
    double celsius = 0;
};

struct Topology {
    CpuList online;
    CpuList performance; // empty: all cores are of one kind
    CpuList efficiency;
    std::vector<NumaNode> nodes;
    std::vector<Cache> caches;
    std::vector<ThermalZone> thermal;
    std::optional<std::uint64_t> throttled; // times, over all cores, since boot
};

[[nodiscard]] Topology read_topology(const std::string &sysfs = "/sys");

// Bytes that one core reads in a second from memory that no cache holds: the best of three passes
// over 256 MiB, about a tenth of a second. failed: no memory for it.
[[nodiscard]] Result<double> measure_read_bandwidth();

} // namespace dsmil::accel
