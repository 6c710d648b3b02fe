// SPDX-License-Identifier: Apache-2.0
#include "accel/multibuffer.hpp"

#include <array>
#include <format>
#include <memory>

namespace dsmil::accel {
namespace {

struct Free {
    void operator()(IMB_MGR *manager) const { free_mb_mgr(manager); }
};
using Manager = std::unique_ptr<IMB_MGR, Free>;

Result<Manager> make(Tier tier) {
    if (tier == Tier::reference) {
        return fail(Code::usage, "the reference tier has no multi-buffer library");
    }
    Manager manager(alloc_mb_mgr(0));
    if (!manager) {
        return fail(Code::failed, "no memory for the multi-buffer library");
    }
    if (tier == Tier::avx512) {
        init_mb_mgr_avx512(manager.get());
    } else {
        init_mb_mgr_avx2(manager.get());
    }
    if (const int error = imb_get_errno(manager.get()); error != 0) {
        return fail(Code::failed, std::format("the multi-buffer library in the tier {}", name_of(tier)),
                    {imb_get_strerror(error)});
    }
    return manager;
}

} // namespace

Result<IMB_MGR *> multibuffer_of_thread(Tier tier) {
    thread_local std::array<Manager, all_tiers.size()> managers;
    auto &manager = managers[static_cast<std::size_t>(tier)];
    if (!manager) {
        auto made = make(tier);
        if (!made) {
            return std::unexpected(std::move(made.error()));
        }
        manager = std::move(*made);
    }
    return manager.get();
}

} // namespace dsmil::accel
