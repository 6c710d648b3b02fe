// SPDX-License-Identifier: Apache-2.0
#include "dsmil/event.hpp"

#include <cerrno>
#include <gtest/gtest.h>

namespace dsmil {
namespace {

TEST(Words, ANumberOfANewerKernelHasNone) {
    EXPECT_FALSE(event_word(0));
    EXPECT_FALSE(event_word(DSMIL_EVENT_BATCH_GRANT + 1));
    EXPECT_FALSE(risk_word(DSMIL_RISK_QUARANTINED + 1));
    EXPECT_FALSE(reason_word(DSMIL_REASON_GRANT_UNCHECKED + 1));
    EXPECT_FALSE(firmware_word(DSMIL_FIRMWARE_SIM + 1));
    EXPECT_FALSE(reason_word(0xFFFFFFFF));
}

TEST(Words, TheLastOfEachIsThere) {
    EXPECT_EQ(event_word(DSMIL_EVENT_BATCH_GRANT), "batch_grant");
    EXPECT_EQ(event_word(DSMIL_EVENT_CHANGED), "changed");
    EXPECT_EQ(event_word(DSMIL_EVENT_REFUSED), "refused");
    EXPECT_EQ(risk_word(DSMIL_RISK_QUARANTINED), "quarantined");
    EXPECT_EQ(reason_word(DSMIL_REASON_READ_ONLY), "read_only");
    EXPECT_EQ(reason_word(DSMIL_REASON_GRANT_UNCHECKED), "grant_unchecked");
    EXPECT_EQ(reason_word(DSMIL_REASON_GRANT_REPLAYED), "grant_replayed");
    EXPECT_EQ(firmware_word(DSMIL_FIRMWARE_SIM), "sim");
}

TEST(Operations, OnlyAPartOfABatchHasThem) {
    dsmil_event event{};
    event.type = DSMIL_EVENT_BATCH;
    event.value = 3;
    EXPECT_TRUE(operations_of(event).empty());
    event.type = DSMIL_EVENT_BATCH_PART;
    EXPECT_EQ(operations_of(event).size(), 3U);
    event.value = 0xFFFFFFFF;
    EXPECT_EQ(operations_of(event).size(), DSMIL_EVENT_OPERATIONS);
}

TEST(Operations, AreDescribedWithWhatCameOfThem) {
    EXPECT_EQ(describe({0x801C, DSMIL_BATCH_WRITE, DSMIL_REASON_QUARANTINED, 1, -EPERM}),
              "write 0x801C value 0x00000001 refused quarantined");
    EXPECT_EQ(describe({0x801C, DSMIL_BATCH_WRITE, 99, 1, -EPERM}),
              "write 0x801C value 0x00000001 refused 99");
    EXPECT_EQ(describe({0x8010, DSMIL_BATCH_READ, 0, 5, -EIO}), "read 0x8010 failed -5");
    EXPECT_EQ(describe({0x8010, DSMIL_BATCH_READ, 0, 5, 0}), "read 0x8010 value 0x00000005 ok");
    EXPECT_EQ(describe({0, 255, 0, 0, -EINVAL}), "operation 255 - value 0x00000000 failed -22");
    // The firmware's own refusal is not the guard's.
    EXPECT_EQ(describe({0x8010, DSMIL_BATCH_WRITE, 0, 5, -EPERM}), "write 0x8010 value 0x00000005 failed -1");
}

} // namespace
} // namespace dsmil
