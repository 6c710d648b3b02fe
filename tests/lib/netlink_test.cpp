// SPDX-License-Identifier: Apache-2.0
#include "dsmil/netlink.hpp"
#include "netlink_decode.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <linux/dsmil_netlink.h>
#include <memory>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <string>

namespace {

constexpr int family = 42;

struct MessageFree {
    void operator()(nl_msg *message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, MessageFree>;

Message event_message(int of_family = family, std::uint8_t command = DSMIL_CMD_EVENT) {
    Message message(nlmsg_alloc());
    genlmsg_put(message.get(), 0, 0, of_family, 0, 0, command, DSMIL_GENL_VERSION);
    return message;
}

std::vector<dsmil_event> decode(const Message &message) {
    std::vector<dsmil_event> events;
    const auto *header = nlmsg_hdr(message.get());
    dsmil::decode_events(header, header->nlmsg_len, family, events);
    return events;
}

TEST(Netlink, WithoutTheFamilyTheModuleIsMissing) {
    const auto netlink = dsmil::Netlink::open();
    if (netlink) {
        GTEST_SKIP() << "this machine has the module";
    }
    EXPECT_EQ(netlink.error().code, dsmil::Code::module_missing);
}

TEST(NetlinkDecode, NothingAndRubbishGiveNoEvents) {
    std::vector<dsmil_event> events;
    alignas(4) char rubbish[64];
    std::memset(rubbish, 0xFF, sizeof(rubbish));
    dsmil::decode_events(rubbish, 0, family, events);
    dsmil::decode_events(rubbish, sizeof(rubbish), family, events);
    EXPECT_TRUE(events.empty());
}

TEST(NetlinkDecode, OtherFamiliesAndCommandsAreSkipped) {
    EXPECT_TRUE(decode(event_message(family + 1)).empty());
    EXPECT_TRUE(decode(event_message(family, DSMIL_CMD_DEVICE_GET)).empty());
}

TEST(NetlinkDecode, AnAttributeOfAWrongSizeStaysZero) {
    const auto message = event_message();
    nla_put_u8(message.get(), DSMIL_A_EVENT_VALUE, 7);
    nla_put_u32(message.get(), DSMIL_A_EVENT_SEQUENCE, 7);
    const auto events = decode(message);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].value, 0U);
    EXPECT_EQ(events[0].sequence, 0U);
}

TEST(NetlinkDecode, ALongNameIsCutAndEndsInNul) {
    const auto message = event_message();
    nla_put_string(message.get(), DSMIL_A_EVENT_COMM, std::string(100, 'x').c_str());
    const auto events = decode(message);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(std::string(events[0].comm), std::string(sizeof(events[0].comm) - 1, 'x'));
}

TEST(NetlinkDecode, AnEventHasTheFieldsOfTheMessage) {
    const auto message = event_message();
    nla_put_u32(message.get(), DSMIL_A_EVENT_TYPE, DSMIL_EVENT_REFUSED);
    nla_put_u32(message.get(), DSMIL_A_EVENT_DEVICE_ID, 0x8009);
    nla_put_u64(message.get(), DSMIL_A_EVENT_SEQUENCE, 0x100000001);
    nla_put_s32(message.get(), DSMIL_A_EVENT_RESULT, -1);
    nla_put_u32(message.get(), DSMIL_A_EVENT_REASON, DSMIL_REASON_QUARANTINED);
    nla_put_string(message.get(), DSMIL_A_EVENT_COMM, "sh");
    const auto events = decode(message);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].type, DSMIL_EVENT_REFUSED);
    EXPECT_EQ(events[0].device_id, 0x8009);
    EXPECT_EQ(events[0].sequence, 0x100000001U);
    EXPECT_EQ(events[0].result, -1);
    EXPECT_EQ(events[0].reason, DSMIL_REASON_QUARANTINED);
    EXPECT_STREQ(events[0].comm, "sh");
}

TEST(NetlinkDecode, ADeviceTakesThreeRegistersAndNoMore) {
    const Message message(nlmsg_alloc());
    auto *header = nlmsg_put(message.get(), 0, 0, family, 0, 0);
    nla_put_u32(message.get(), DSMIL_A_DEVICE_ID, 0x8030);
    nla_put_string(message.get(), DSMIL_A_DEVICE_NAME, "Storage Encryption");
    for (std::uint32_t risk = 0; risk < 5; risk++) {
        nla_put_u32(message.get(), DSMIL_A_DEVICE_REGISTER_RISK, risk);
    }
    const auto device = dsmil::decode_device(nlmsg_attrdata(header, 0), nlmsg_attrlen(header, 0));
    EXPECT_EQ(device.id, 0x8030);
    EXPECT_STREQ(device.name, "Storage Encryption");
    EXPECT_EQ(device.register_risk[2], 2);
    EXPECT_EQ(device.register_reason[2], 0);
}

TEST(NetlinkDecode, AQuarantinedDeviceHasItsNameAndWhoPutItThere) {
    const Message message(nlmsg_alloc());
    auto *header = nlmsg_put(message.get(), 0, 0, family, 0, 0);
    nla_put_u32(message.get(), DSMIL_A_QUARANTINE_DEVICE_ID, 0x8005);
    nla_put_string(message.get(), DSMIL_A_QUARANTINE_NAME, "Performance Monitor");
    nla_put_u32(message.get(), DSMIL_A_QUARANTINE_QUARANTINED, 1);
    nla_put_u32(message.get(), DSMIL_A_QUARANTINE_ADDED, 1);
    const auto device = dsmil::decode_quarantined(nlmsg_attrdata(header, 0), nlmsg_attrlen(header, 0));
    EXPECT_EQ(device.id, 0x8005);
    EXPECT_EQ(device.name, "Performance Monitor");
    EXPECT_TRUE(device.added);
    EXPECT_FALSE(dsmil::decode_quarantined(nullptr, 0).added);
}

} // namespace
