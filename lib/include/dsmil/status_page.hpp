// SPDX-License-Identifier: Apache-2.0
// The kernel's status page: the last known state of every register, without a
// system call and without asking the firmware. Any number of threads may read
// one object.
#pragma once

#include "dsmil/client.hpp"
#include "dsmil/error.hpp"
#include "dsmil/fd.hpp"

#include <linux/dsmil.h>
#include <memory>

namespace dsmil {

class StatusPage {
  public:
    // Needs no more than Control does. abi_mismatch when module and program do
    // not agree on the layout.
    [[nodiscard]] static Result<StatusPage> open(const Control &control);
    // Of a descriptor of ctl that another process opened.
    [[nodiscard]] static Result<StatusPage> map(const Fd &fd);

    // All devices as they were at one moment. try_again when the page does not
    // keep still, which the kernel's never does for long.
    [[nodiscard]] Result<dsmil_status_page> snapshot() const;

  private:
    struct Unmap {
        void operator()(const dsmil_status_page *page) const;
    };
    using Mapping = std::unique_ptr<const dsmil_status_page, Unmap>;
    explicit StatusPage(Mapping page) : page_(std::move(page)) {}
    Mapping page_;
};

} // namespace dsmil
