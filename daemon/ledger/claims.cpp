// SPDX-License-Identifier: Apache-2.0
#include "ledger/claims.hpp"

#include <format>
#include <utility>

namespace dsmil::ledger {

void Claims::take(std::string name, const Checkpoint &checkpoint, const std::optional<Hash> &recomputed,
                  bool held) {
    One claim{std::move(name), checkpoint.size, checkpoint.root};
    if (previous_ && previous_->size == claim.size && previous_->root != claim.root && fork_.empty()) {
        fork_ = std::format("{} and {} both cover {} records and have different roots", previous_->name,
                            claim.name, claim.size);
    }
    if (recomputed && *recomputed == claim.root) {
        good_ = claim;
    } else if (recomputed && !bad_) {
        bad_ = claim;
        good_before_bad_ = good_ ? good_->size : 0;
    }
    if (!held) {
        own_++;
        own_size_ = claim.size;
    }
    previous_ = std::move(claim);
}

Result<void> Claims::judge_forks() const {
    if (!fork_.empty()) {
        return fail(Code::forked, fork_);
    }
    if (bad_ && good_ && good_->size > bad_->size) {
        return fail(Code::forked,
                    std::format("{} (of {} records) holds and {} (of {} records) contradicts it", good_->name,
                                good_->size, bad_->name, bad_->size));
    }
    return {};
}

Result<void> Claims::judge_roots() const {
    if (!bad_) {
        return {};
    }
    if (bad_->size == 0) {
        return fail(Code::tampered, std::format("{} signs a root that no empty tree has", bad_->name));
    }
    return fail(
        Code::tampered,
        std::format("one of the records {} to {} was changed, and the tree with it: their root is not "
                    "the one that {} signs",
                    good_before_bad_, bad_->size - 1, bad_->name));
}

Result<void> Claims::judge_length(std::uint64_t records) const {
    if (previous_ && previous_->size > records) {
        return fail(Code::cut, std::format("there are {} records, and {} covers {}", records, previous_->name,
                                           previous_->size));
    }
    return {};
}

} // namespace dsmil::ledger
