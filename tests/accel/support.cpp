// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

#include <cstdlib>
#include <random>
#include <sys/mman.h>

namespace accel_test {

void EachTier::SetUp() {
    if (!has_tier(dsmil::accel::features(), GetParam())) {
        GTEST_SKIP() << "this processor has no tier " << name_of(GetParam());
    }
}

std::string tier_name(const testing::TestParamInfo<dsmil::accel::Tier> &info) {
    return std::string(name_of(info.param));
}

dsmil::Bytes random_bytes(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    dsmil::Bytes bytes(size);
    for (auto &byte : bytes) {
        byte = static_cast<std::uint8_t>(random());
    }
    return bytes;
}

GuardedPage::GuardedPage() {
    void *const three = mmap(nullptr, 3 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (three == MAP_FAILED ||
        mprotect(static_cast<std::uint8_t *>(three) + bytes, bytes, PROT_READ | PROT_WRITE) != 0) {
        std::abort();
    }
    page_ = static_cast<std::uint8_t *>(three) + bytes;
}

GuardedPage::~GuardedPage() {
    munmap(page_ - bytes, 3 * bytes);
}

} // namespace accel_test
