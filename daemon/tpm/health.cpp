// SPDX-License-Identifier: Apache-2.0
#include "tpm/health.hpp"

#include "base/bytes.hpp"
#include "base/host.hpp"
#include "tpm/tpm.hpp"

#include <algorithm>
#include <array>

namespace dsmil::tpm {
namespace {

constexpr std::array<std::string_view, 6> writing_commands = {
    "NV_Write", "NV_Increment", "NV_Extend", "NV_DefineSpace", "NV_UndefineSpace", "EvictControl",
};

std::uint64_t nv_writes_of(const Timings &timings) {
    std::uint64_t count = 0;
    for (const auto &[name, histogram] : timings.snapshot().commands) {
        count += std::ranges::contains(writing_commands, name) ? histogram.count() : 0;
    }
    return count;
}

} // namespace

Health::Health(std::string state_dir, std::string null_name_path, const Timings &timings)
    : state_dir_(std::move(state_dir)), null_name_path_(std::move(null_name_path)),
      boot_id_(to_hex(boot_id())), timings_(timings) {}

Result<void> Health::recall() {
    if (recalled_) {
        return {};
    }
    auto loaded = load_mark(state_dir_);
    if (!loaded) {
        return std::unexpected(std::move(loaded.error()));
    }
    saved_ = std::move(*loaded);
    seen_ = saved_;
    earlier_writes_ = saved_ ? saved_->nv_writes : 0;
    recalled_ = true;
    return {};
}

Result<void> Health::save(const Mark &mark) {
    if (saved_ == mark) {
        return {};
    }
    if (auto saved = save_mark(state_dir_, mark); !saved) {
        return std::unexpected(std::move(saved.error()).in("keeping the TPM's counts"));
    }
    saved_ = mark;
    return {};
}

Result<Look> Health::look(Tpm &tpm) {
    auto ready = recall();
    if (ready) {
        ready = catch_up();
    }
    if (!ready) {
        return std::unexpected(std::move(ready.error()));
    }
    auto now = read_mark(tpm, boot_id_, null_name_path_);
    auto status = now ? read_status(tpm) : Result<Status>(std::unexpected(now.error()));
    if (!status) {
        return std::unexpected(std::move(status.error()));
    }
    if (lost_ && unsettled_ == 0) {
        seen_ = saved_;
        lost_ = false;
    }
    now->nv_writes = earlier_writes_ + nv_writes_of(timings_);
    Look look{std::move(*status), seen_ ? compare(*seen_, *now) : std::vector<SecurityEvent>{}, *now};
    look.status.reset_count = now->reset_count;
    look.status.restart_count = now->restart_count;
    look.status.nv_writes = now->nv_writes;
    seen_ = *now;
    if (!look.events.empty()) {
        unsettled_++;
    } else if (unsettled_ == 0 && !lost_) {
        if (auto saved = save(*now); !saved) {
            return std::unexpected(std::move(saved.error()));
        }
    }
    return look;
}

void Health::settle(const Mark &mark, bool durable) {
    const std::scoped_lock lock(mutex_);
    settled_.push_back({mark, durable});
}

Result<void> Health::catch_up() {
    std::vector<Settled> settled;
    {
        const std::scoped_lock lock(mutex_);
        settled.swap(settled_);
    }
    Result<void> kept;
    for (const auto &[mark, durable] : settled) {
        unsettled_--;
        lost_ = lost_ || !durable;
        // After a loss the mark stays behind, so that all of it is told again.
        if (kept && !lost_) {
            kept = save(mark);
        }
    }
    return kept;
}

} // namespace dsmil::tpm
