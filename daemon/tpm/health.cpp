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

Result<Look> Health::look(Tpm &tpm) {
    const auto loaded = load_mark(state_dir_);
    if (!loaded) {
        return std::unexpected(loaded.error());
    }
    const auto &before = *loaded;
    auto now = read_mark(tpm, boot_id_, null_name_path_);
    auto status = now ? read_status(tpm) : Result<Status>(std::unexpected(now.error()));
    if (!status) {
        return std::unexpected(std::move(status.error()));
    }
    const std::uint64_t writes = nv_writes_of(timings_);
    now->nv_writes = (before ? before->nv_writes : 0) + writes - nv_writes_counted_;
    Look look{std::move(*status), before ? compare(*before, *now) : std::vector<SecurityEvent>{}};
    look.status.reset_count = now->reset_count;
    look.status.restart_count = now->restart_count;
    look.status.nv_writes = now->nv_writes;
    if (!before || *before != *now) {
        if (auto saved = save_mark(state_dir_, *now); !saved) {
            return std::unexpected(std::move(saved.error()).in("keeping the TPM's counts"));
        }
    }
    nv_writes_counted_ = writes;
    return look;
}

} // namespace dsmil::tpm
