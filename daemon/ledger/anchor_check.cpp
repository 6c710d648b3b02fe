// SPDX-License-Identifier: Apache-2.0
#include "ledger/anchor_check.hpp"

#include "ledger/anchor_table.hpp"

#include <algorithm>
#include <format>
#include <utility>

namespace dsmil::ledger {
namespace {

// The anchor that the TPM held.
class Match {
  public:
    explicit Match(const AnchorWitness *witness) : witness_(witness) {}

    void take(const Anchor &anchor) {
        if (witness_ == nullptr) {
            return;
        }
        const bool extended_to = witness_->value == anchor.after;
        // Of a pending one the TPM may have seen nothing yet, or not have counted it.
        const bool counted = anchor.count ? witness_->count == *anchor.count
                                          : !last_count_ || witness_->count - *last_count_ <= 1;
        if (extended_to && counted) {
            size_ = anchor.size;
        }
        if (anchor.count && *anchor.count == witness_->count && !extended_to) {
            contradicts_ = anchor.id;
        }
        last_count_ = anchor.count ? anchor.count : last_count_;
    }

    [[nodiscard]] Result<std::uint64_t> judge() const {
        if (witness_ == nullptr || size_) {
            return size_.value_or(0);
        }
        if (!last_count_ || witness_->count > *last_count_) {
            return fail(Code::cut,
                        std::format("the TPM counted {}, and the last anchor of this file is {}: it is "
                                    "older, or its end was cut off",
                                    witness_->count, last_count_ ? std::to_string(*last_count_) : "none"));
        }
        if (contradicts_) {
            return fail(Code::forked, std::format("anchor {} is not the one that the TPM counted as {}",
                                                  *contradicts_, witness_->count));
        }
        return fail(Code::forked, std::format("no anchor of the file is the one that the TPM counted as {}",
                                              witness_->count));
    }

  private:
    const AnchorWitness *witness_;
    std::optional<std::uint64_t> last_count_;
    std::optional<std::uint64_t> size_;
    std::optional<std::uint64_t> contradicts_;
};

// The records that tell of adopted chains.
struct Told {
    std::span<const std::uint64_t> adoptions;
    std::uint64_t first = 0; // record that was not pruned

    // One is there between the anchor before and this one, or may have been pruned.
    [[nodiscard]] bool tells(std::uint64_t before, std::uint64_t size) const {
        const auto next = std::ranges::lower_bound(adoptions, before);
        return before < first || (next != adoptions.end() && *next < size);
    }
};

Result<void> walk(AnchorRows &rows, AnchorReport &report, Match &match, const Told &told) {
    for (;;) {
        const auto next = rows.next();
        if (!next) {
            return std::unexpected(next.error());
        }
        const auto &anchor = *next;
        if (!anchor) {
            return {};
        }
        report.anchors++;
        const auto before = std::exchange(report.last_size, anchor->size);
        if (anchor->reason == AnchorReason::adopted) {
            if (!told.tells(before, anchor->size)) {
                return fail(Code::tampered,
                            std::format("anchor {}: it begins a new chain, and no record says who adopted it",
                                        anchor->id));
            }
            report.adopted++;
            report.adopted_size = anchor->size;
        }
        match.take(*anchor);
    }
}

} // namespace

Result<AnchorReport> check_anchors(Database &database, std::uint64_t format, const AnchorWitness *witness,
                                   std::span<const std::uint64_t> adoptions, std::uint64_t first) {
    AnchorReport report;
    Match match(witness);
    if (format >= 2) {
        auto walked = AnchorRows::open(database).and_then([&](AnchorRows rows) {
            return walk(rows, report, match, {.adoptions = adoptions, .first = first});
        });
        if (!walked) {
            return std::unexpected(std::move(walked.error()));
        }
    }
    const auto size = match.judge();
    if (!size) {
        return std::unexpected(size.error());
    }
    report.fresh_size = *size;
    return report;
}

} // namespace dsmil::ledger
