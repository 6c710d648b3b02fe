// SPDX-License-Identifier: Apache-2.0
// The reader's side of an observation ring, on a ring that the test writes. The
// kernel's side is tested against the module in the VM (tests/kselftest/observe.c).
#include "dsmil/observation_ring.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using dsmil::Code;
using dsmil::Fd;
using dsmil::ObservationRing;

constexpr std::uint32_t ring_bytes = 4096;
constexpr std::size_t page_bytes = 4096;
constexpr std::size_t file_bytes = 2 * page_bytes + 2 * ring_bytes;

class WrittenRing : public testing::Test {
  protected:
    void SetUp() override {
        const int fd = ::memfd_create("ring", MFD_CLOEXEC);
        ASSERT_EQ(::ftruncate(fd, file_bytes), 0);
        void *at = ::mmap(nullptr, file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        ASSERT_NE(at, MAP_FAILED);
        base_ = static_cast<std::byte *>(at);
        auto ring = ObservationRing::adopt(Fd(fd), ring_bytes);
        ASSERT_TRUE(ring);
        ring_.emplace(std::move(*ring));
    }
    void TearDown() override { ::munmap(base_, file_bytes); }

    [[nodiscard]] dsmil_ring_page &mine() const { return *reinterpret_cast<dsmil_ring_page *>(base_); }
    [[nodiscard]] dsmil_ring_page &kernels() const {
        return *reinterpret_cast<dsmil_ring_page *>(base_ + page_bytes);
    }
    // As the kernel does; the file has the second copy of the data for itself.
    void put(std::uint64_t sequence, std::uint32_t size = sizeof(dsmil_event)) const {
        dsmil_event event{};
        event.size = size;
        event.sequence = sequence;
        for (std::size_t i = 0; i < sizeof(event); i++) {
            const auto at = (kernels().put + i) % ring_bytes;
            const auto byte = reinterpret_cast<const std::byte *>(&event)[i];
            base_[2 * page_bytes + at] = byte;
            base_[2 * page_bytes + ring_bytes + at] = byte;
        }
        kernels().put += sizeof(event);
    }

    std::byte *base_ = nullptr;
    std::optional<ObservationRing> ring_;
};

TEST(ObservationRing, WhatCannotBeMappedIsAnError) {
    EXPECT_FALSE(ObservationRing::adopt(Fd(-1), ring_bytes));
}

TEST_F(WrittenRing, PositionsThatDoNotFitTogetherAreAMismatch) {
    kernels().put = ring_bytes + sizeof(dsmil_event);
    EXPECT_EQ(ring_->take(1).error().code, Code::abi_mismatch);
    kernels().put = 1;
    EXPECT_EQ(ring_->take(1).error().code, Code::abi_mismatch);
}

TEST_F(WrittenRing, ARecordOfAnotherSizeIsAMismatchAndStays) {
    put(1, sizeof(dsmil_event) + 8);
    EXPECT_EQ(ring_->take(1).error().code, Code::abi_mismatch);
    EXPECT_EQ(mine().taken, 0U);
}

TEST_F(WrittenRing, AnEmptyRingGivesNothing) {
    const auto events = ring_->take(8);
    ASSERT_TRUE(events);
    EXPECT_TRUE(events->empty());
}

TEST_F(WrittenRing, ALimitLeavesTheRest) {
    put(1);
    put(2);
    put(3);
    ASSERT_EQ(ring_->take(2)->size(), 2U);
    const auto rest = ring_->take(2);
    ASSERT_TRUE(rest);
    ASSERT_EQ(rest->size(), 1U);
    EXPECT_EQ(rest->front().sequence, 3U);
    EXPECT_EQ(mine().taken, kernels().put);
}

TEST_F(WrittenRing, RecordsComeInOrderAcrossTheEnd) {
    for (std::uint64_t sequence = 1; sequence <= 100; sequence++) {
        put(sequence);
        const auto events = ring_->take(1);
        ASSERT_TRUE(events);
        ASSERT_EQ(events->front().sequence, sequence);
    }
}

TEST_F(WrittenRing, LossIsSaid) {
    kernels().lost = 7;
    kernels().gap_count = 2;
    EXPECT_EQ(ring_->lost(), 7U);
    EXPECT_EQ(ring_->untold(), 2U);
}

} // namespace
