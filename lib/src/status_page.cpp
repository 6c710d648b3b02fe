// SPDX-License-Identifier: Apache-2.0
#include "dsmil/status_page.hpp"

#include "kernel_error.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <thread>

namespace dsmil {
namespace {

// The kernel writes a few lines at a time and is not put aside meanwhile.
constexpr int tries = 1'000'000;

std::uint32_t sequence_of(const dsmil_status_page &page) {
    // Read while the kernel writes it: the compiler is to take it as shared.
    return __atomic_load_n(&page.sequence, __ATOMIC_ACQUIRE);
}

} // namespace

void StatusPage::Unmap::operator()(const dsmil_status_page *page) const {
    ::munmap(const_cast<dsmil_status_page *>(page), sizeof(*page));
}

Result<StatusPage> StatusPage::open(const Control &control) {
    return map(control.descriptor());
}

Result<StatusPage> StatusPage::map(const Fd &fd) {
    const void *at = ::mmap(nullptr, sizeof(dsmil_status_page), PROT_READ, MAP_SHARED, fd.get(), 0);
    if (at == MAP_FAILED) {
        return std::unexpected(ioctl_error("mapping the status page", errno));
    }
    Mapping page(static_cast<const dsmil_status_page *>(at));
    if (page->version != DSMIL_STATUS_VERSION || page->bytes != sizeof(dsmil_status_page) ||
        page->device_bytes != sizeof(dsmil_status_device)) {
        return fail(Code::abi_mismatch, "the status page has a layout that this program does not know");
    }
    return StatusPage(std::move(page));
}

Result<dsmil_status_page> StatusPage::snapshot() const {
    dsmil_status_page copy{};
    for (int i = 0; i < tries; i++) {
        const auto before = sequence_of(*page_);
        if (before % 2 != 0) {
            // The kernel is not put aside, but the processor that it runs on may be.
            std::this_thread::yield();
            continue;
        }
        std::memcpy(&copy, page_.get(), sizeof(copy));
        std::atomic_thread_fence(std::memory_order_acquire);
        if (sequence_of(*page_) == before) {
            return copy;
        }
    }
    return fail(Code::try_again, "the status page does not keep still");
}

} // namespace dsmil
