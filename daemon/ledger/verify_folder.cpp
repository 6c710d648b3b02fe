// SPDX-License-Identifier: Apache-2.0
#include "ledger/verify_folder.hpp"

#include "ledger/claims.hpp"
#include "ledger/log_source.hpp"
#include "ledger/record.hpp"
#include "ledger/signed_checkpoint.hpp"
#include "ledger/tree.hpp"

#include <algorithm>
#include <format>
#include <utility>

namespace dsmil::ledger {
namespace {

std::unexpected<Error> tampered(std::string detail) {
    return fail(Code::tampered, std::move(detail));
}

class FolderScan {
  public:
    FolderScan(LogSource &source, const Checkpoint &head, const std::optional<Checkpoint> &held)
        : source_(source), head_(head), held_(held) {}

    Result<VerifyReport> run() {
        note_held();
        for (std::uint64_t bundle = 0; edge_.size() < head_.size; bundle++) {
            if (auto taken = take(bundle); !taken) {
                return std::unexpected(std::move(taken.error()));
            }
        }
        if (auto edges = compare_edge(); !edges) {
            return std::unexpected(std::move(edges.error()));
        }
        return judge();
    }

  private:
    // A bundle of up to 256 records and the tile of their hashes.
    Result<void> take(std::uint64_t bundle) {
        const std::uint64_t first = bundle * tile_width;
        const std::uint64_t width = std::min(tile_width, head_.size - first);
        const auto leaves = read_leaves(bundle, width);
        if (!leaves) {
            return std::unexpected(leaves.error());
        }
        auto entries = source_.entries(bundle, width);
        if (!entries && entries.error().code == Code::not_found) {
            return without_entries(first, width, *leaves);
        }
        if (!entries) {
            return std::unexpected(std::move(entries.error()));
        }
        for (std::uint64_t i = 0; i < width; i++) {
            const Hash leaf = leaf_hash((*entries)[i]);
            if (leaf != (*leaves)[i]) {
                bad_record_ = bad_record_.value_or(first + i);
            }
            look_inside(first + i, (*entries)[i]);
            append(leaf);
        }
        return std::exchange(tile_error_, {});
    }

    Result<std::vector<Hash>> read_leaves(std::uint64_t bundle, std::uint64_t width) {
        auto leaves = source_.tile(0, bundle, width);
        if (leaves && leaves->size() < width) {
            return tampered(std::format("tile {} of level 0: it is too short", bundle));
        }
        if (!leaves && leaves.error().code == Code::not_found) {
            return missing(bundle);
        }
        return leaves;
    }

    // Where the newest tile is there, one in the middle was taken out.
    std::unexpected<Error> missing(std::uint64_t bundle) {
        const std::uint64_t last = (head_.size - 1) / tile_width;
        if (bundle < last && source_.tile(0, last, head_.size - last * tile_width)) {
            return tampered(std::format("tile {} of level 0 is missing", bundle));
        }
        return fail(Code::cut, std::format("there are {} records, and the checkpoint covers {}",
                                           bundle * tile_width, head_.size));
    }

    // Records that are gone: the oldest may be, when a later one tells of it.
    Result<void> without_entries(std::uint64_t first, std::uint64_t width, const std::vector<Hash> &leaves) {
        if (first != gone_) {
            return tampered(std::format("record {} is missing", first));
        }
        gone_ = first + width;
        for (const Hash &leaf : std::span(leaves).first(width)) {
            append(leaf);
        }
        return std::exchange(tile_error_, {});
    }

    void append(const Hash &leaf) {
        edge_.append(leaf, [this](unsigned level, std::uint64_t index, std::span<const Hash> hashes) {
            if (level > 0 && tile_error_) { // Level 0 was compared entry by entry.
                tile_error_ = compare(level, index, hashes);
            }
        });
        note_held();
    }

    Result<void> compare(unsigned level, std::uint64_t index, std::span<const Hash> hashes) {
        const auto stored = source_.tile(level, index, hashes.size());
        if (!stored && stored.error().code == Code::not_found) {
            return tampered(std::format("tile {} of level {} is missing", index, level));
        }
        if (!stored) {
            return std::unexpected(stored.error());
        }
        if (bad_tile_.empty() && (stored->size() < hashes.size() ||
                                  !std::ranges::equal(std::span(*stored).first(hashes.size()), hashes))) {
            bad_tile_ = std::format("tile {} of level {}", index, level);
        }
        return {};
    }

    Result<void> compare_edge() {
        for (unsigned level = 1; level < edge_.levels().size(); level++) {
            const auto &hashes = edge_.levels()[level];
            if (hashes.empty()) {
                continue;
            }
            if (auto compared = compare(level, partial_index(edge_.size(), level), hashes); !compared) {
                return compared;
            }
        }
        return {};
    }

    void note_held() {
        if (held_ && held_->size == edge_.size()) {
            held_root_ = edge_.root();
        }
    }

    // A record of dsmil tells more; those of other logs are bytes.
    void look_inside(std::uint64_t index, ByteView body) {
        const auto record = decode_record(body);
        if (!record || record->sequence != index) {
            return;
        }
        newest_realtime_ns_ = record->realtime_ns;
        if (record->action == "pruned") {
            const auto first = std::ranges::find(record->values, "first", &Field::name);
            if (first != record->values.end()) {
                if (const auto *number = std::get_if<std::uint64_t>(&first->value)) {
                    pruned_ = *number;
                    pruned_by_ = index;
                }
            }
        }
    }

    Result<VerifyReport> judge() {
        Claims claims;
        const auto take_held = [&] { claims.take("the held checkpoint", *held_, held_root_, true); };
        if (held_ && held_->size <= head_.size) {
            take_held();
        }
        claims.take("the checkpoint", head_, edge_.root(), false);
        if (held_ && held_->size > head_.size) {
            take_held();
        }
        if (auto fits = claims.judge_forks(); !fits) {
            return std::unexpected(std::move(fits.error()));
        }
        if (bad_record_) {
            return tampered(std::format("record {}: its hash is not the one in the tree", *bad_record_));
        }
        for (auto verdict : {claims.judge_roots(), claims.judge_length(head_.size)}) {
            if (!verdict) {
                return std::unexpected(std::move(verdict.error()));
            }
        }
        if (!bad_tile_.empty()) {
            return tampered(std::format("{}: it is not what the records give", bad_tile_));
        }
        // Bundles that still hold a kept record stay.
        if (gone_ > 0 && (pruned_ / tile_width * tile_width != gone_ || pruned_by_ < gone_)) {
            return tampered(std::format(
                "the records 0 to {} are missing, and no record tells that they were pruned", gone_ - 1));
        }
        VerifyReport report;
        report.origin = head_.origin;
        report.size = head_.size;
        report.root = head_.root;
        report.checkpoints = 1;
        report.newest_realtime_ns = newest_realtime_ns_;
        if (gone_ > 0) {
            report.notes.push_back(
                std::format("the records 0 to {} were pruned, as record {} says; their hashes are "
                            "still in the tree",
                            gone_ - 1, pruned_by_));
        }
        return report;
    }

    LogSource &source_;
    const Checkpoint &head_;
    const std::optional<Checkpoint> &held_;
    Edge edge_;
    std::optional<Hash> held_root_;
    std::optional<std::uint64_t> bad_record_;
    std::string bad_tile_;
    Result<void> tile_error_; // of a tile above level 0
    std::uint64_t gone_ = 0;  // so many of the oldest records are not there
    std::uint64_t pruned_ = 0;
    std::uint64_t pruned_by_ = 0;
    std::uint64_t newest_realtime_ns_ = 0;
};

} // namespace

Result<Verified> verify_folder(const std::string &path, std::span<const NoteVerifier> keys,
                               const std::optional<Checkpoint> &held) {
    auto source = LogSource::open(path);
    if (!source) {
        return std::unexpected(std::move(source.error()));
    }
    const auto text = (*source)->checkpoint();
    if (!text) {
        return std::unexpected(text.error());
    }
    auto head = read_signed(*text, keys, "the checkpoint");
    if (!head && head.error().code == Code::not_signed) {
        return std::unexpected(std::move(head.error()));
    }
    if (!head) {
        return tampered("the checkpoint: it is none, or its signature does not hold");
    }
    if (held && held->origin != head->checkpoint.origin) {
        return fail(Code::usage, std::format("the held checkpoint is of another log: {}", held->origin));
    }
    return FolderScan(**source, head->checkpoint, held).run().transform([&](VerifyReport report) {
        return Verified{std::move(report), std::move(head->note)};
    });
}

} // namespace dsmil::ledger
