// SPDX-License-Identifier: Apache-2.0
#include "accel/topology.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace {

using dsmil::accel::CpuList;
using dsmil::accel::parse_cpu_list;
using dsmil::accel::read_topology;

class Sysfs : public testing::Test {
  protected:
    void SetUp() override {
        auto name = std::filesystem::temp_directory_path() / "dsmil-sysfs-XXXXXX";
        auto text = name.string();
        ASSERT_NE(mkdtemp(text.data()), nullptr);
        root_ = text;
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    void file(const std::string &path, const std::string &content) const {
        const auto whole = std::filesystem::path(root_) / path;
        std::filesystem::create_directories(whole.parent_path());
        std::ofstream(whole) << content;
    }

    std::string root_;
};

TEST(CpuLists, are_read_as_the_kernel_writes_them) {
    EXPECT_EQ(parse_cpu_list(""), CpuList{});
    EXPECT_EQ(parse_cpu_list("0"), CpuList{0});
    EXPECT_EQ(parse_cpu_list("0-3,8,10-11"), (CpuList{0, 1, 2, 3, 8, 10, 11}));
    EXPECT_EQ(parse_cpu_list("8191"), CpuList{8191});
}

TEST(CpuLists, anything_else_is_refused) {
    for (const auto *text : {"a", "0-", "-1", "3-1", "0,", ",0", "0,0", "1,0", "0 ", "0--1", "8192", "0-8192",
                             "99999999999999999999", "0-4294967295"}) {
        EXPECT_FALSE(parse_cpu_list(text)) << text;
    }
}

TEST_F(Sysfs, a_hybrid_laptop_is_read_whole) {
    file("devices/system/cpu/online", "0-3\n");
    file("devices/cpu_core/cpus", "0-1\n");
    file("devices/cpu_atom/cpus", "2-3\n");
    for (const auto *cpu : {"cpu0", "cpu1", "cpu2", "cpu3"}) {
        const auto cache = std::string("devices/system/cpu/") + cpu + "/cache/";
        const std::string self(1, cpu[3]);
        file(cache + "index0/level", "1\n");
        file(cache + "index0/type", "Data\n");
        file(cache + "index0/size", "48K\n");
        file(cache + "index0/shared_cpu_list", self + "\n");
        file(cache + "index3/level", "3\n");
        file(cache + "index3/type", "Unified\n");
        file(cache + "index3/size", "24M\n");
        file(cache + "index3/shared_cpu_list", "0-3\n");
        file(std::string("devices/system/cpu/") + cpu + "/thermal_throttle/core_throttle_count", "5\n");
    }
    file("devices/system/node/node0/cpulist", "0-3\n");
    file("devices/system/node/node0/meminfo", "Node 0 MemTotal:       16384 kB\nNode 0 MemFree: 1 kB\n");
    file("class/thermal/thermal_zone7/type", "x86_pkg_temp\n");
    file("class/thermal/thermal_zone7/temp", "48500\n");

    const auto machine = read_topology(root_);
    EXPECT_EQ(machine.online, (CpuList{0, 1, 2, 3}));
    EXPECT_EQ(machine.performance, (CpuList{0, 1}));
    EXPECT_EQ(machine.efficiency, (CpuList{2, 3}));
    ASSERT_EQ(machine.caches.size(), 2U);
    EXPECT_EQ(machine.caches[0].bytes, 48U * 1024);
    EXPECT_EQ(machine.caches[0].number, 4U);
    EXPECT_EQ(machine.caches[1].level, 3U);
    EXPECT_EQ(machine.caches[1].bytes, 24U * 1024 * 1024);
    EXPECT_EQ(machine.caches[1].number, 1U) << "shared by all";
    ASSERT_EQ(machine.nodes.size(), 1U);
    EXPECT_EQ(machine.nodes[0].cpus.size(), 4U);
    EXPECT_EQ(machine.nodes[0].memory_bytes, 16384U * 1024);
    ASSERT_EQ(machine.thermal.size(), 1U);
    EXPECT_EQ(machine.thermal[0].type, "x86_pkg_temp");
    EXPECT_DOUBLE_EQ(machine.thermal[0].celsius, 48.5);
    EXPECT_EQ(machine.throttled, 20U);
}

TEST_F(Sysfs, what_the_kernel_does_not_tell_is_empty) {
    const auto machine = read_topology(root_);
    EXPECT_TRUE(machine.online.empty() && machine.performance.empty() && machine.nodes.empty());
    EXPECT_TRUE(machine.caches.empty() && machine.thermal.empty());
    EXPECT_FALSE(machine.throttled);
}

TEST_F(Sysfs, nonsense_is_left_out) {
    file("devices/system/cpu/online", "0-zero\n");
    file("devices/system/node/nodeX/cpulist", "0\n");
    file("class/thermal/thermal_zone0/temp", "hot\n");
    const auto machine = read_topology(root_);
    EXPECT_TRUE(machine.online.empty() && machine.nodes.empty() && machine.thermal.empty());
}

TEST(Topology, this_machine_has_a_processor) {
    EXPECT_FALSE(read_topology().online.empty());
}

TEST(Topology, the_read_bandwidth_is_measured) {
    const auto measured = dsmil::accel::measure_read_bandwidth();
    ASSERT_TRUE(measured);
    EXPECT_GT(*measured, 0.0);
}

} // namespace
