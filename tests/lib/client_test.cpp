// SPDX-License-Identifier: Apache-2.0
// What the client says without a module. The commands themselves are tested
// against the module in the VM (tests/kselftest).
#include "dsmil/client.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using dsmil::Code;

class NodeFolder : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "dsmil-nodes-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        paths_.nodes = name;
    }
    void TearDown() override { std::filesystem::remove_all(paths_.nodes); }

    void make(const std::string &node) const { std::ofstream(paths_.nodes + "/" + node) << "no device"; }

    dsmil::Paths paths_;
};

TEST_F(NodeFolder, WithoutCtlTheModuleIsMissing) {
    EXPECT_EQ(dsmil::Control::open(paths_).error().code, Code::module_missing);
}

TEST_F(NodeFolder, WithoutAnyNodeADeviceSaysThatTheModuleIsMissing) {
    const auto device = dsmil::Device::open(0x8009, dsmil::Device::Access::read, paths_);
    EXPECT_EQ(device.error().code, Code::module_missing);
}

TEST_F(NodeFolder, SomethingElseAtCtlIsAMismatch) {
    make("ctl");
    EXPECT_EQ(dsmil::Control::open(paths_).error().code, Code::abi_mismatch);
}

TEST_F(NodeFolder, SomethingElseAtADevicesNodeIsAMismatch) {
    make("8009");
    const auto device = dsmil::Device::open(0x8009, dsmil::Device::Access::read_write, paths_);
    ASSERT_TRUE(device);
    EXPECT_EQ(device->read(dsmil::Register::status).error().code, Code::abi_mismatch);
    EXPECT_EQ(device->write(dsmil::Register::config, 1).error().code, Code::abi_mismatch);
}

TEST_F(NodeFolder, AnErrorNamesTheRegisterThatWasMeant) {
    make("8009");
    const auto device = dsmil::Device::open(0x8009, dsmil::Device::Access::read, paths_);
    ASSERT_TRUE(device);
    EXPECT_EQ(device->read(dsmil::Register::data).error().detail,
              "reading token 0x801D (DATA of device 0x8009 Data Destruction)");
}

TEST_F(NodeFolder, ANodeWithoutPermissionSaysSo) {
    make("ctl");
    ASSERT_EQ(::chmod(paths_.nodes.c_str(), 0755), 0);
    ASSERT_EQ(::chmod((paths_.nodes + "/ctl").c_str(), 0), 0);
    // Root may open everything, so somebody else asks.
    constexpr uid_t nobody = 65534;
    const auto me = ::geteuid();
    if (me == 0 && ::seteuid(nobody) != 0) {
        GTEST_SKIP() << "there is no other user in this namespace";
    }
    const auto control = dsmil::Control::open(paths_);
    ASSERT_EQ(::seteuid(me), 0);
    ASSERT_FALSE(control);
    EXPECT_EQ(control.error().code, Code::permission);
}

TEST(AuditRing, ReadingWhatIsNoRingFails) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const dsmil::Fd writer(ends[1]);
    const auto ring = dsmil::AuditRing::adopt(dsmil::Fd(ends[0]));
    ASSERT_EQ(::write(writer.get(), "strange", 7), 7);
    EXPECT_EQ(ring.read(1).error().code, Code::abi_mismatch);
    EXPECT_EQ(ring.advance(1).error().code, Code::abi_mismatch);
}

TEST(AuditRing, AnEmptyRingGivesNoRecordsAndDoesNotWait) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const dsmil::Fd writer(ends[1]);
    const auto ring = dsmil::AuditRing::adopt(dsmil::Fd(ends[0]));
    const auto events = ring.read(8);
    ASSERT_TRUE(events);
    EXPECT_TRUE(events->empty());
}

TEST(AuditRing, RecordsOfAnotherLayoutAreAMismatch) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const dsmil::Fd writer(ends[1]);
    const auto ring = dsmil::AuditRing::adopt(dsmil::Fd(ends[0]));
    dsmil_event event{};
    event.size = sizeof(event) + 8;
    ASSERT_EQ(::write(writer.get(), &event, sizeof(event)), static_cast<ssize_t>(sizeof(event)));
    EXPECT_EQ(ring.read(1).error().code, Code::abi_mismatch);
}

} // namespace
