// SPDX-License-Identifier: Apache-2.0
#include "ledger/reserve.hpp"

#include "dsmil/fd.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace dsmil::ledger {

bool Reserve::take() {
    if (held_) {
        return true;
    }
    const Fd file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    held_ = file && ::posix_fallocate(file.get(), 0, static_cast<off_t>(wanted())) == 0 &&
            ::ftruncate(file.get(), static_cast<off_t>(bytes_)) == 0;
    if (!held_) {
        let_go(); // of what it could get
    }
    return held_;
}

void Reserve::let_go() {
    ::unlink(path_.c_str());
    held_ = false;
}

} // namespace dsmil::ledger
