// SPDX-License-Identifier: Apache-2.0
#include "grants/denials.hpp"

#include <gtest/gtest.h>

namespace dsmil::grants {
namespace {

using Verdict = Denials::Verdict;

TEST(GrantDenials, TheLastThatIsRecordedSaysSoAndTheRestIsCounted) {
    Denials denials;
    for (unsigned i = 1; i < Denials::max_records; i++) {
        EXPECT_EQ(denials.note(7, i), Verdict::record) << i;
    }
    EXPECT_EQ(denials.note(7, 20), Verdict::record_last);
    EXPECT_FALSE(denials.due());
    EXPECT_EQ(denials.note(7, 30), Verdict::count);
    EXPECT_EQ(denials.note(7, 40), Verdict::count);
    EXPECT_EQ(denials.note(8, 40), Verdict::record);
    EXPECT_EQ(denials.due(), 1 + Denials::window_ns);
    EXPECT_TRUE(denials.take(Denials::window_ns).empty());
    const auto held = denials.take(1 + Denials::window_ns);
    ASSERT_EQ(held.size(), 1U);
    EXPECT_EQ(held[0].uid, 7U);
    EXPECT_EQ(held[0].count, 2U);
    EXPECT_EQ(held[0].first_ns, 30U);
    EXPECT_EQ(held[0].last_ns, 40U);
    EXPECT_FALSE(denials.due());
    EXPECT_EQ(denials.note(7, 1 + Denials::window_ns), Verdict::record);
}

TEST(GrantDenials, WhatWasGivenBackIsTakenAgainWithWhatCameMeanwhile) {
    Denials denials;
    for (unsigned i = 0; i < Denials::max_records + 3; i++) {
        static_cast<void>(denials.note(7, 1));
    }
    const auto held = denials.take_all();
    ASSERT_EQ(held.size(), 1U);
    EXPECT_TRUE(denials.take_all().empty());
    EXPECT_EQ(denials.note(7, 2), Verdict::count);
    denials.give_back(held[0]);
    const auto again = denials.take_all();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].count, 4U);
    EXPECT_EQ(again[0].first_ns, 1U);
}

TEST(GrantDenials, ManyUsersShareWhatIsLeftAndNoneIsLost) {
    Denials denials;
    constexpr std::uint32_t users = 10'000;
    std::uint64_t recorded = 0;
    for (std::uint32_t uid = 0; uid < users; uid++) {
        recorded += denials.note(uid, 1) != Verdict::count ? 1 : 0;
    }
    EXPECT_EQ(recorded, Denials::max_users + Denials::max_records);
    const auto held = denials.take_all();
    ASSERT_EQ(held.size(), 1U);
    EXPECT_FALSE(held[0].uid);
    EXPECT_EQ(held[0].count + recorded, users);
    EXPECT_EQ(denials.note(users, 1 + Denials::window_ns), Verdict::record); // There is room again.
}

} // namespace
} // namespace dsmil::grants
