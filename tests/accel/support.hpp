// SPDX-License-Identifier: Apache-2.0
// What the tests of the engine share: tests of each tier that this processor
// has, bytes that repeat from run to run, memory with nothing behind it.
#pragma once

#include "accel/tier.hpp"
#include "base/bytes.hpp"

#include <cstddef>
#include <gtest/gtest.h>
#include <string>

namespace accel_test {

// A test that runs in each tier. One that the processor lacks is skipped and says so.
class EachTier : public testing::TestWithParam<dsmil::accel::Tier> {
  protected:
    void SetUp() override;
};

[[nodiscard]] std::string tier_name(const testing::TestParamInfo<dsmil::accel::Tier> &info);

// The same bytes for the same seed.
[[nodiscard]] dsmil::Bytes random_bytes(std::size_t size, std::uint64_t seed);

// `size` bytes (at most a page) that can be used; the page before and the page behind cannot be touched.
class GuardedPage {
  public:
    GuardedPage();
    ~GuardedPage();
    GuardedPage(const GuardedPage &) = delete;
    GuardedPage &operator=(const GuardedPage &) = delete;

    [[nodiscard]] std::uint8_t *first() const { return page_; }
    [[nodiscard]] std::uint8_t *last(std::size_t size) const {
        return page_ + bytes - size;
    } // to the very end

    static constexpr std::size_t bytes = 4096;

  private:
    std::uint8_t *page_;
};

} // namespace accel_test

#define DSMIL_EACH_TIER(Suite)                                                                               \
    INSTANTIATE_TEST_SUITE_P(Tier, Suite, testing::ValuesIn(dsmil::accel::all_tiers), accel_test::tier_name)
