// SPDX-License-Identifier: Apache-2.0
// However many ask, the TPM's memory is not written more often than it may be.
#include "ledger/wear_budget.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace dsmil::ledger {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr unsigned per_day = 150;
constexpr SteadyTime day = hours(24);

// The most in any 24 hours.
std::size_t busiest_day(const std::vector<SteadyTime> &times) {
    std::size_t most = 0;
    std::size_t first = 0;
    for (std::size_t last = 0; last < times.size(); last++) {
        while (times[last] - times[first] >= day) {
            first++;
        }
        most = std::max(most, last - first + 1);
    }
    return most;
}

TEST(WearBudget, AFloodGetsItsBurstAndThenOneByOne) {
    WearBudget budget(per_day);
    std::vector<SteadyTime> taken;
    for (SteadyTime now{}; now < 3 * day; now += seconds(1)) {
        if (budget.take(now)) {
            taken.push_back(now);
        }
    }
    EXPECT_LE(busiest_day(taken), per_day);
    EXPECT_GE(busiest_day(taken), per_day - 1);
    EXPECT_EQ(taken[budget.burst() - 1], SteadyTime((budget.burst() - 1) * seconds(1)));
    EXPECT_GE(taken[budget.burst()], SteadyTime(minutes(10))); // so that there is one all day long
    EXPECT_LE(taken.back() - taken[taken.size() - 2], SteadyTime(minutes(15)));
}

// Seeds are printed with a failure.
class WearBudgetFlood : public testing::TestWithParam<unsigned> {};

TEST_P(WearBudgetFlood, BreaksItNeitherWithBurstsNorWithRestarts) {
    std::mt19937 random(GetParam());
    WearBudget budget(per_day);
    std::vector<SteadyTime> taken;
    SteadyTime now{};
    for (int i = 0; i < 50'000; i++) {
        now += std::chrono::milliseconds(random() % 100 == 0 ? random() % 20'000'000 : random() % 500);
        if (random() % 500 == 0) { // In another life only the file knows what was taken.
            budget = WearBudget(per_day);
            std::vector<SteadyTime> lately;
            for (const auto time : taken) {
                if (now - time < day) {
                    lately.push_back(time);
                }
            }
            budget.remember(lately);
        }
        if (budget.take(now)) {
            taken.push_back(now);
        }
        ASSERT_LE(budget.used(now), per_day);
    }
    EXPECT_LE(busiest_day(taken), per_day);
    EXPECT_GT(taken.size(), per_day);
}

INSTANTIATE_TEST_SUITE_P(Seeds, WearBudgetFlood, testing::Range(1U, 9U));

TEST(WearBudget, SaysWhatIsLeft) {
    WearBudget budget(per_day);
    EXPECT_EQ(budget.left(seconds(0)), 30U);
    EXPECT_EQ(budget.wait(seconds(0)), seconds(0));
    for (unsigned i = 0; i < 30; i++) {
        EXPECT_TRUE(budget.take(seconds(0)));
    }
    EXPECT_EQ(budget.left(seconds(0)), 0U);
    EXPECT_EQ(budget.used(seconds(0)), 30U);
    EXPECT_EQ(budget.wait(seconds(0)), minutes(12));
    EXPECT_FALSE(budget.take(SteadyTime(minutes(12)) - SteadyTime(1)));
    EXPECT_TRUE(budget.take(minutes(12)));
    EXPECT_EQ(budget.left(minutes(36)), 2U);
    EXPECT_EQ(budget.used(day), 1U);
}

TEST(WearBudget, OfNothingThereIsNothing) {
    WearBudget budget(0);
    EXPECT_FALSE(budget.take(seconds(0)));
    EXPECT_EQ(budget.left(day), 0U);
}

TEST(WearBudget, OfTheLeastThereIsOneAtATime) {
    WearBudget budget(5);
    EXPECT_TRUE(budget.take(seconds(0)));
    EXPECT_FALSE(budget.take(seconds(1)));
    EXPECT_TRUE(budget.take(hours(6)));
}

} // namespace
} // namespace dsmil::ledger
