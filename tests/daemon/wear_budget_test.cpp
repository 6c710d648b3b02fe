// SPDX-License-Identifier: Apache-2.0
// However many ask, the TPM's memory is not written more often than it may be.
#include "ledger/wear_budget.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace dsmil::ledger {
namespace {

using namespace std::chrono_literals;

constexpr unsigned per_day = 150;
constexpr SteadyTime day = 24h;

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
    for (SteadyTime now{}; now < 3 * day; now += 1s) {
        if (budget.take(now)) {
            taken.push_back(now);
        }
    }
    EXPECT_LE(busiest_day(taken), per_day);
    EXPECT_GE(busiest_day(taken), per_day - 1);
    EXPECT_EQ(taken[budget.burst() - 1], SteadyTime((budget.burst() - 1) * 1s));
    EXPECT_GE(taken[budget.burst()], SteadyTime(10min)); // so that there is one all day long
    EXPECT_LE(taken.back() - taken[taken.size() - 2], SteadyTime(15min));
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
    EXPECT_EQ(budget.left(0s), 30U);
    EXPECT_EQ(budget.wait(0s), 0s);
    for (unsigned i = 0; i < 30; i++) {
        EXPECT_TRUE(budget.take(0s));
    }
    EXPECT_EQ(budget.left(0s), 0U);
    EXPECT_EQ(budget.used(0s), 30U);
    EXPECT_EQ(budget.wait(0s), 12min);
    EXPECT_FALSE(budget.take(12min - 1ns));
    EXPECT_TRUE(budget.take(12min));
    EXPECT_EQ(budget.left(36min), 2U);
    EXPECT_EQ(budget.used(day), 1U);
}

TEST(WearBudget, OfNothingThereIsNothing) {
    WearBudget budget(0);
    EXPECT_FALSE(budget.take(0s));
    EXPECT_EQ(budget.left(day), 0U);
}

TEST(WearBudget, OfTheLeastThereIsOneAtATime) {
    WearBudget budget(5);
    EXPECT_TRUE(budget.take(0s));
    EXPECT_FALSE(budget.take(1s));
    EXPECT_TRUE(budget.take(6h));
}

} // namespace
} // namespace dsmil::ledger
