// SPDX-License-Identifier: Apache-2.0
#include "ledger/wear_budget.hpp"

#include <algorithm>

namespace dsmil::ledger {
namespace {

constexpr std::chrono::nanoseconds day = std::chrono::hours(24);

} // namespace

WearBudget::WearBudget(unsigned per_day)
    : per_day_(per_day), burst_(per_day / 5), each_(day / std::max(1U, per_day_ - burst_)) {}

void WearBudget::remember(std::span<const SteadyTime> past) {
    for (const auto time : past) {
        spend(time);
    }
}

bool WearBudget::take(SteadyTime now) {
    if (burst_ == 0 || wait(now).count() > 0 || used(now) >= per_day_) {
        return false;
    }
    spend(now);
    return true;
}

void WearBudget::spend(SteadyTime now) {
    due_ = std::max(due_, now) + each_;
    taken_.push_back(now);
    while (taken_.size() > per_day_ || (!taken_.empty() && now - taken_.front() >= day)) {
        taken_.pop_front();
    }
}

unsigned WearBudget::left(SteadyTime now) const {
    if (burst_ == 0) {
        return 0;
    }
    // `due_` may be (burst - 1) * each ahead of now, and then there is one.
    const auto room = burst_ * each_ - std::max(due_ - now, std::chrono::nanoseconds(0));
    return room.count() > 0 ? static_cast<unsigned>(room / each_) : 0;
}

unsigned WearBudget::used(SteadyTime now) const {
    return static_cast<unsigned>(
        std::ranges::count_if(taken_, [now](SteadyTime time) { return now - time < day; }));
}

std::chrono::nanoseconds WearBudget::wait(SteadyTime now) const {
    if (burst_ == 0) {
        return day;
    }
    return std::max(due_ - now - (burst_ - 1) * each_, std::chrono::nanoseconds(0));
}

} // namespace dsmil::ledger
