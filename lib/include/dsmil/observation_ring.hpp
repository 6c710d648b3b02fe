// SPDX-License-Identifier: Apache-2.0
// A reader of the kernel's events with a ring of its own: it stalls nobody, and
// what it is too slow for is counted. An object belongs to one thread at a time.
#pragma once

#include "dsmil/client.hpp"
#include "dsmil/error.hpp"
#include "dsmil/fd.hpp"

#include <cstdint>
#include <linux/dsmil.h>
#include <memory>
#include <vector>

namespace dsmil {

class ObservationRing {
  public:
    // bytes: a power of two, 4096 to 262144, or 0 for the kernel's default. Needs
    // CAP_SYS_ADMIN (capability_required); conflict when too many are open.
    [[nodiscard]] static Result<ObservationRing> open(const Control &control, std::uint32_t bytes = 0);
    // Takes over a ring of so many bytes that another process opened.
    [[nodiscard]] static Result<ObservationRing> adopt(Fd fd, std::uint32_t bytes);

    [[nodiscard]] int fd() const { return fd_.get(); } // for poll; POLLIN when records wait

    // At most `limit` records, in order; an empty vector when none waits. Loss is
    // a record of type DSMIL_EVENT_GAP with sequence 0 in the place where it was.
    [[nodiscard]] Result<std::vector<dsmil_event>> take(std::size_t limit);

    // Records that this reader was too slow for, ever.
    [[nodiscard]] std::uint64_t lost() const;
    // Of them, those that no gap record tells of yet.
    [[nodiscard]] std::uint64_t untold() const;

  private:
    struct Unmap {
        std::size_t bytes;
        void operator()(const void *at) const;
    };
    template <typename T>
    using Mapping = std::unique_ptr<T, Unmap>;

    ObservationRing(Fd fd, std::uint32_t bytes, Mapping<dsmil_ring_page> mine,
                    Mapping<const dsmil_ring_page> kernels)
        : fd_(std::move(fd)), bytes_(bytes), mine_(std::move(mine)), kernels_(std::move(kernels)) {}

    Fd fd_;
    std::uint32_t bytes_;
    Mapping<dsmil_ring_page> mine_;
    Mapping<const dsmil_ring_page> kernels_; // and the data behind it, twice
};

} // namespace dsmil
