// SPDX-License-Identifier: Apache-2.0
#include "dsmil/observation_ring.hpp"

#include "kernel_error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/ioctl.h>
#include <sys/mman.h>

namespace dsmil {
namespace {

// The pages of the ABI have this size on every machine that has the devices.
constexpr std::size_t page_bytes = 4096;

std::uint64_t shared(const __u64 &field) {
    return __atomic_load_n(&field, __ATOMIC_RELAXED);
}

} // namespace

void ObservationRing::Unmap::operator()(const void *at) const {
    ::munmap(const_cast<void *>(at), bytes);
}

Result<ObservationRing> ObservationRing::open(const Control &control, std::uint32_t bytes) {
    dsmil_event_ring ring{};
    ring.size = sizeof(ring);
    ring.kind = DSMIL_RING_OBSERVE;
    ring.bytes = bytes;
    if (::ioctl(control.descriptor().get(), DSMIL_IOC_EVENT_RING, &ring) == 0) {
        return adopt(Fd(ring.fd), ring.bytes);
    }
    switch (const int number = errno) {
    case EPERM:
        return fail_errno(Code::capability_required, "opening an observation ring needs CAP_SYS_ADMIN",
                          number);
    case EBUSY:
        return fail_errno(Code::conflict, "too many observation rings are open", number);
    default:
        return std::unexpected(ioctl_error("opening an observation ring", number));
    }
}

Result<ObservationRing> ObservationRing::adopt(Fd fd, std::uint32_t bytes) {
    const auto rest = page_bytes + 2 * std::size_t{bytes};
    void *mine = ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (mine == MAP_FAILED) {
        return std::unexpected(ioctl_error("mapping an observation ring", errno));
    }
    Mapping<dsmil_ring_page> mine_page(static_cast<dsmil_ring_page *>(mine), Unmap{page_bytes});
    const void *kernels = ::mmap(nullptr, rest, PROT_READ, MAP_SHARED, fd.get(), page_bytes);
    if (kernels == MAP_FAILED) {
        return std::unexpected(ioctl_error("mapping an observation ring", errno));
    }
    Mapping<const dsmil_ring_page> kernels_page(static_cast<const dsmil_ring_page *>(kernels), Unmap{rest});
    return ObservationRing(std::move(fd), bytes, std::move(mine_page), std::move(kernels_page));
}

Result<std::vector<dsmil_event>> ObservationRing::take(std::size_t limit) {
    // The kernel wakes for the first record after it saw that everything was taken: what
    // the last call took must be seen before it is looked for more.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    const auto put = __atomic_load_n(&kernels_->put, __ATOMIC_ACQUIRE);
    auto taken = mine_->taken;
    if (put - taken > bytes_ || (put - taken) % sizeof(dsmil_event) != 0) {
        return fail(Code::abi_mismatch, "the positions of the observation ring do not fit together");
    }
    const auto *data = reinterpret_cast<const std::byte *>(kernels_.get()) + page_bytes;
    std::vector<dsmil_event> events(std::min<std::size_t>(limit, (put - taken) / sizeof(dsmil_event)));
    for (auto &event : events) {
        std::memcpy(&event, data + taken % bytes_, sizeof(event));
        if (event.size != sizeof(event)) {
            return fail(Code::abi_mismatch,
                        "the module's events have a layout that this program does not know");
        }
        taken += sizeof(event);
    }
    __atomic_store_n(&mine_->taken, taken, __ATOMIC_RELEASE);
    return events;
}

std::uint64_t ObservationRing::lost() const {
    return shared(kernels_->lost);
}

std::uint64_t ObservationRing::untold() const {
    return shared(kernels_->gap_count);
}

} // namespace dsmil
