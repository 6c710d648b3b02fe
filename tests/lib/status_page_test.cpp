// SPDX-License-Identifier: Apache-2.0
// The reader's side of the status page, on a page that the test writes. The
// kernel's side is tested against the module in the VM (tests/kselftest/status.c).
#include "dsmil/status_page.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

namespace {

using dsmil::Code;
using dsmil::Fd;
using dsmil::StatusPage;

class WrittenPage : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(fd_);
        ASSERT_EQ(::ftruncate(fd_.get(), sizeof(dsmil_status_page)), 0);
        void *at =
            ::mmap(nullptr, sizeof(dsmil_status_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
        ASSERT_NE(at, MAP_FAILED);
        page_ = static_cast<dsmil_status_page *>(at);
        page_->version = DSMIL_STATUS_VERSION;
        page_->bytes = sizeof(dsmil_status_page);
        page_->device_bytes = sizeof(dsmil_status_device);
    }
    void TearDown() override { ::munmap(page_, sizeof(*page_)); }

    Fd fd_{::memfd_create("status", MFD_CLOEXEC)};
    dsmil_status_page *page_ = nullptr;
};

TEST(StatusPage, WhatCannotBeMappedIsAnError) {
    EXPECT_FALSE(StatusPage::map(Fd(-1)));
}

TEST_F(WrittenPage, ALayoutOfAnotherVersionIsAMismatch) {
    page_->version++;
    EXPECT_EQ(StatusPage::map(fd_).error().code, Code::abi_mismatch);
}

TEST_F(WrittenPage, ADeviceOfAnotherSizeIsAMismatch) {
    page_->device_bytes += 8;
    EXPECT_EQ(StatusPage::map(fd_).error().code, Code::abi_mismatch);
}

TEST_F(WrittenPage, APageThatIsBeingWrittenForEverIsTriedAgainLater) {
    page_->sequence = 1;
    const auto status = StatusPage::map(fd_);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->snapshot().error().code, Code::try_again);
}

TEST_F(WrittenPage, ASnapshotHasWhatWasWritten) {
    page_->devices[5].registers[DSMIL_REG_DATA].value = 42;
    const auto status = StatusPage::map(fd_);
    ASSERT_TRUE(status);
    const auto copy = status->snapshot();
    ASSERT_TRUE(copy);
    EXPECT_EQ(copy->devices[5].registers[DSMIL_REG_DATA].value, 42U);
}

TEST_F(WrittenPage, ASnapshotBesideAWriterIsOfOneMoment) {
    constexpr std::uint32_t rounds = 20'000;
    const auto status = StatusPage::map(fd_);
    ASSERT_TRUE(status);
    std::jthread writer([this] {
        for (std::uint32_t i = 1; i <= rounds; i++) {
            __atomic_store_n(&page_->sequence, 2 * i - 1, __ATOMIC_RELAXED);
            __atomic_thread_fence(__ATOMIC_RELEASE);
            __atomic_store_n(&page_->devices[0].changes, i, __ATOMIC_RELAXED);
            __atomic_store_n(&page_->devices[107].changes, i, __ATOMIC_RELAXED);
            __atomic_store_n(&page_->sequence, 2 * i, __ATOMIC_RELEASE);
        }
    });
    std::uint32_t last = 0;
    while (last < rounds) {
        const auto copy = status->snapshot();
        ASSERT_TRUE(copy);
        ASSERT_EQ(copy->devices[0].changes, copy->devices[107].changes);
        ASSERT_GE(copy->devices[0].changes, last);
        last = copy->devices[0].changes;
    }
}

} // namespace
