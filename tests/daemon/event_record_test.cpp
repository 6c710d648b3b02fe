// SPDX-License-Identifier: Apache-2.0
#include "device/event_record.hpp"

#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>

namespace dsmil {
namespace {

using ledger::Field;

dsmil_event event_of(std::uint16_t type) {
    dsmil_event event{};
    event.size = sizeof(event);
    event.type = type;
    event.device_id = 0x8008;
    event.sequence = 12;
    event.boottime_ns = 100;
    event.realtime_ns = 200;
    std::memset(event.load_id, 0xAB, sizeof(event.load_id));
    event.token = 0x8019;
    event.rule_token = 0x8019;
    event.reg = DSMIL_REG_CONFIG;
    event.risk = DSMIL_RISK_QUARANTINED;
    event.reason = DSMIL_REASON_QUARANTINED_AS_ID;
    event.firmware_kind = DSMIL_FIRMWARE_DELL;
    event.value = 5;
    event.uid = 1000;
    event.pid = 77;
    std::strcpy(event.comm, "dsmilctl");
    event.cgroup_id = 3;
    return event;
}

TEST(EventRecord, ARefusalNamesItsRule) {
    auto event = event_of(DSMIL_EVENT_REFUSED);
    event.result = -EPERM;
    const auto record = record_of(event, Id128{});
    EXPECT_EQ(record.action, "write");
    EXPECT_EQ(record.outcome, "refused");
    EXPECT_EQ(record.device_id, 0x8008);
    EXPECT_EQ(record.token, 0x8019);
    EXPECT_EQ(record.actor, (ledger::Actor{1000, 77, "dsmilctl", 3}));
    EXPECT_EQ(record.ring->sequence, 12U);
    EXPECT_EQ(record.values, (std::vector<Field>{{"value", std::uint64_t{5}}}));
    EXPECT_EQ(record.context, (std::vector<Field>{{"firmware", std::string("dell")},
                                                  {"risk", std::string("quarantined")},
                                                  {"reason", std::string("quarantined_as_id")},
                                                  {"rule_token", std::uint64_t{0x8019}},
                                                  {"errno", std::int64_t{-EPERM}}}));
}

TEST(EventRecord, AFailedReadHasNoValue) {
    auto event = event_of(DSMIL_EVENT_READ);
    event.result = -EIO;
    const auto record = record_of(event, Id128{});
    EXPECT_EQ(record.outcome, "failed");
    EXPECT_TRUE(record.values.empty());
}

TEST(EventRecord, AGapSaysHowManyItStandsFor) {
    auto event = event_of(DSMIL_EVENT_GAP);
    event.device_id = DSMIL_NO_DEVICE;
    event.count = 1000;
    event.first_ns = 50;
    const auto record = record_of(event, Id128{});
    EXPECT_EQ(record.action, "gap");
    EXPECT_EQ(record.outcome, "lost");
    EXPECT_FALSE(record.device_id);
    EXPECT_FALSE(record.token);
    EXPECT_FALSE(record.actor);
    EXPECT_EQ(record.values,
              (std::vector<Field>{{"count", std::uint64_t{1000}}, {"first_ns", std::uint64_t{50}}}));
}

TEST(EventRecord, AWriteNamesItsGrantAndWhoSignedIt) {
    auto event = event_of(DSMIL_EVENT_WRITE);
    std::memset(event.detail.grant.nonce, 0x01, sizeof(event.detail.grant.nonce));
    std::memset(event.detail.grant.signer[0], 0xAA, sizeof(event.detail.grant.signer[0]));
    const auto record = record_of(event, Id128{});
    EXPECT_EQ(record.context.back(), (Field{"grant_signer", std::string(64, 'a')}));
}

TEST(EventRecord, AnEnrolmentNamesTheKeyAndItsOwner) {
    auto event = event_of(DSMIL_EVENT_GRANT_KEY_ADDED);
    std::memset(event.detail.key.id, 0xBB, sizeof(event.detail.key.id));
    std::strcpy(event.detail.key.owner, "alice");
    const auto record = record_of(event, Id128{});
    EXPECT_EQ(record.action, "grant_key_added");
    EXPECT_EQ(record.values,
              (std::vector<Field>{{"key_id", std::string(64, 'b')}, {"owner", std::string("alice")}}));
}

TEST(EventRecord, AReasonOfAGrantHasItsWord) {
    auto event = event_of(DSMIL_EVENT_REFUSED);
    event.reason = DSMIL_REASON_GRANT_REPLAYED;
    EXPECT_EQ(record_of(event, Id128{}).context[2], (Field{"reason", std::string("grant_replayed")}));
}

TEST(EventRecord, WhatANewerKernelSaysIsKept) {
    auto event = event_of(99);
    event.firmware_kind = 9;
    const auto record = record_of(event, Id128{});
    EXPECT_EQ(record.action, "event_99");
    EXPECT_EQ(record.context[0], (Field{"firmware", std::string("9")}));
}

TEST(EventRecord, ANameWithoutAnEndIsNotReadBeyond) {
    auto event = event_of(DSMIL_EVENT_WRITE);
    std::memset(event.comm, 'x', sizeof(event.comm));
    EXPECT_EQ(record_of(event, Id128{}).actor->comm, std::string(16, 'x'));
}

TEST(EventRecord, APartOfABatchListsItsOperations) {
    auto event = event_of(DSMIL_EVENT_BATCH_PART);
    event.device_id = DSMIL_NO_DEVICE;
    event.count = 12;
    event.value = 3;
    event.detail.operations[0] = {0x8010, DSMIL_BATCH_WRITE, DSMIL_REASON_ALLOWED, 7, 0};
    event.detail.operations[1] = {0x801C, DSMIL_BATCH_WRITE, DSMIL_REASON_QUARANTINED, 1, -EPERM};
    event.detail.operations[2] = {0, 255, 0, 0, -EBADF};
    const auto record = record_of(event, Id128{});
    EXPECT_EQ(record.action, "batch_part");
    EXPECT_EQ(record.outcome, "refused");
    EXPECT_FALSE(record.token);
    EXPECT_EQ(record.values,
              (std::vector<Field>{
                  {"operation_12", std::string("write 0x8010 value 0x00000007 ok")},
                  {"operation_13", std::string("write 0x801C value 0x00000001 refused quarantined")},
                  {"operation_14", std::string("operation 255 - value 0x00000000 failed -9")}}));
}

TEST(EventRecord, APartOfABatchSaysTheWorstOfItsOperations) {
    auto event = event_of(DSMIL_EVENT_BATCH_PART);
    event.value = 1;
    event.detail.operations[0] = {0x8010, DSMIL_BATCH_READ, DSMIL_REASON_ALLOWED, 7, -EIO};
    EXPECT_EQ(record_of(event, Id128{}).outcome, "failed");
    EXPECT_EQ(record_of(event, Id128{}).values,
              (std::vector<Field>{{"operation_0", std::string("read 0x8010 failed -5")}}));
    event.detail.operations[0].result = 0;
    EXPECT_EQ(record_of(event, Id128{}).outcome, "ok");
    // More than there are places for is not read.
    event.value = 99;
    EXPECT_EQ(record_of(event, Id128{}).values.size(), DSMIL_EVENT_OPERATIONS);
}

TEST(EventRecord, ABatchCountsWhatFailed) {
    auto event = event_of(DSMIL_EVENT_BATCH);
    event.count = 20;
    event.value = 2;
    EXPECT_EQ(record_of(event, Id128{}).outcome, "failed");
    EXPECT_EQ(record_of(event, Id128{}).values,
              (std::vector<Field>{{"count", std::uint64_t{20}}, {"failed", std::uint64_t{2}}}));
}

TEST(EventRecord, ASweepHasItsDigest) {
    auto event = event_of(DSMIL_EVENT_SWEEP);
    event.count = 216;
    event.value = 0;
    std::memset(event.detail.digest, 0xCD, sizeof(event.detail.digest));
    const auto record = record_of(event, Id128{});
    EXPECT_EQ(record.action, "sweep");
    EXPECT_EQ(record.outcome, "ok");
    std::string digest;
    for (int i = 0; i < 32; i++) {
        digest += "cd";
    }
    EXPECT_EQ(record.values,
              (std::vector<Field>{
                  {"count", std::uint64_t{216}}, {"errors", std::uint64_t{0}}, {"sha256", digest}}));
}

TEST(EventRecord, AGrantInABatchNamesWhoSignedIt) {
    auto event = event_of(DSMIL_EVENT_BATCH_GRANT);
    event.count = 7;
    event.reason = DSMIL_REASON_ALLOWED;
    std::memset(event.detail.grant.signer[0], 0xAA, sizeof(event.detail.grant.signer[0]));
    auto record = record_of(event, Id128{});
    EXPECT_EQ(record.action, "batch_grant");
    EXPECT_EQ(record.outcome, "ok");
    EXPECT_EQ(record.token, 0x8019);
    EXPECT_EQ(record.values, (std::vector<Field>{{"index", std::uint64_t{7}}, {"value", std::uint64_t{5}}}));
    EXPECT_EQ(record.context.back(), (Field{"grant_signer", std::string(64, 'a')}));
    event.reason = DSMIL_REASON_GRANT_REPLAYED;
    event.result = -EPERM;
    record = record_of(event, Id128{});
    EXPECT_EQ(record.outcome, "refused");
    EXPECT_EQ(record.context[2], (Field{"reason", std::string("grant_replayed")}));
}

TEST(EventRecord, AChangeHasBothValues) {
    auto event = event_of(DSMIL_EVENT_CHANGED);
    event.detail.changed.before = 4;
    const auto record = record_of(event, Id128{});
    EXPECT_EQ(record.token, 0x8019);
    EXPECT_EQ(record.values, (std::vector<Field>{{"value", std::uint64_t{5}}, {"before", std::uint64_t{4}}}));
}

TEST(EventRecord, OfEveryKindCanBeEncoded) {
    for (std::uint16_t type = 0; type < 17; type++) {
        for (const int result : {0, -EIO, 5}) {
            auto event = event_of(type);
            event.result = result;
            const auto body = ledger::encode(record_of(event, Id128{}));
            ASSERT_TRUE(body);
            EXPECT_TRUE(ledger::decode_record(*body));
        }
    }
}

} // namespace
} // namespace dsmil
