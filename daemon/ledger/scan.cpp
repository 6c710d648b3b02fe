// SPDX-License-Identifier: Apache-2.0
#include "ledger/scan.hpp"

#include "ledger/anchor.hpp"
#include "ledger/record.hpp"
#include "ledger/record_glance.hpp"
#include "ledger/retention.hpp"

#include <algorithm>
#include <format>

namespace dsmil::ledger {
namespace {

class Listed final : public ClaimSource {
  public:
    explicit Listed(std::vector<Claim> &claims) : claims_(claims) {}
    [[nodiscard]] std::optional<std::uint64_t> next_size() const override {
        return next_ < claims_.size() ? std::optional(claims_[next_].checkpoint.size) : std::nullopt;
    }
    Result<void> take(const std::optional<Hash> &root) override {
        auto &claim = claims_[next_++];
        if (root) {
            claim.holds = claim.checkpoint.root == *root;
        }
        return {};
    }

  private:
    std::vector<Claim> &claims_;
    std::size_t next_ = 0;
};

// Enough for the engine (accel/hashing.hpp), and 4 MiB at most.
constexpr std::size_t hashed_at_once = 64;

class Scanner {
  public:
    Scanner(Database &database, ClaimSource &claims, std::uint64_t first, Edge from)
        : database_(database), claims_(claims), edge_(std::move(from)), first_(edge_.size()), left_(first) {}

    Result<Scan> run() {
        auto rows = database_.prepare("SELECT seq, body FROM records WHERE seq >= ? ORDER BY seq");
        if (!rows) {
            return std::unexpected(std::move(rows.error()));
        }
        rows->bind(1, first_);
        auto begun = judge_claims().and_then([this] { return take_leaves(); });
        if (!begun) {
            return std::unexpected(std::move(begun.error()));
        }
        for (;;) {
            const auto row = rows->step();
            if (!row) {
                return std::unexpected(row.error());
            }
            auto taken = *row ? take(*rows) : hash();
            if (!taken) {
                return std::unexpected(std::move(taken.error()));
            }
            if (!*row) {
                return finish();
            }
        }
    }

  private:
    // The hashes of the records that were pruned.
    Result<void> take_leaves() {
        while (edge_.size() < left_) {
            const std::uint64_t index = edge_.size() / tile_width;
            const auto tile = read_tile(database_, 0, index);
            if (!tile) {
                return std::unexpected(tile.error());
            }
            if (tile->size() != tile_width) {
                return fail(Code::tampered, std::format("tile {} of level 0 is missing or too short", index));
            }
            for (const Hash &leaf : *tile) {
                if (auto appended = append(leaf); !appended) {
                    return appended;
                }
            }
        }
        return {};
    }

    Result<void> take(const Statement &row) {
        const std::uint64_t sequence = edge_.size() + waiting_.size();
        if (!row.is_number(0) || row.number(0) != sequence) {
            return hash().and_then([&]() -> Result<void> {
                return fail(Code::tampered,
                            row.number(0) < left_
                                ? std::format("record {} is there although it was pruned", row.number(0))
                                : std::format("record {} is missing", sequence));
            });
        }
        const ByteView body = row.bytes(1);
        look_inside(sequence, row.is_blob(1), body);
        waiting_.push_back(body.size());
        bodies_.insert(bodies_.end(), body.begin(), body.end());
        return waiting_.size() < hashed_at_once ? Result<void>{} : hash();
    }

    // Those that wait for it.
    Result<void> hash() {
        std::vector<ByteView> bodies;
        ByteView rest = bodies_;
        for (const std::size_t size : waiting_) {
            bodies.push_back(rest.first(size));
            rest = rest.subspan(size);
        }
        std::vector<Hash> leaves(bodies.size());
        leaf_hashes(bodies, leaves);
        waiting_.clear();
        bodies_.clear();
        for (const Hash &leaf : leaves) {
            auto fits = compare_leaf(edge_.size(), leaf).and_then([&] { return append(leaf); });
            if (!fits) {
                return fits;
            }
        }
        return {};
    }

    Result<void> append(const Hash &leaf) {
        edge_.append(leaf, [this](unsigned level, std::uint64_t index, std::span<const Hash> hashes) {
            if (tile_error_) {
                return;
            }
            if (auto compared = compare_tile(level, index, hashes); !compared) {
                tile_error_ = std::move(compared.error());
            }
        });
        if (tile_error_) {
            return std::unexpected(std::move(*tile_error_));
        }
        return judge_claims();
    }

    void look_inside(std::uint64_t sequence, bool blob, ByteView body) {
        const auto glance = glance_at_record(body);
        if (!blob || !glance || glance->sequence != sequence) {
            if (result_.first_bad_content.empty()) {
                const auto why = !blob     ? "not bytes"
                                 : !glance ? glance.error().detail
                                           : std::format("it says it is record {}", glance->sequence);
                result_.first_bad_content = std::format("record {}: {}", sequence, why);
            }
            return;
        }
        result_.newest_realtime_ns = glance->realtime_ns;
        if (const auto &ring = glance->ring) {
            result_.rings[ring->load_id] = ring->sequence + 1;
        }
        if (glance->source == "dsmild") {
            look_at_own(sequence, glance->action, body);
        }
    }

    // What says why something is not there.
    void look_at_own(std::uint64_t sequence, std::string_view action, ByteView body) {
        if (action == adopted_action && result_.adoptions.size() < max_adoptions) {
            result_.adoptions.push_back(sequence);
        }
        if (action != pruned_action) {
            return;
        }
        const auto record = decode_record(body);
        if (auto pruning = record ? read_pruning(*record) : std::nullopt) {
            result_.pruned = pruning->first;
            result_.pruned_rings = std::move(pruning->rings);
        }
    }

    Result<void> compare_leaf(std::uint64_t sequence, const Hash &leaf) {
        const std::uint64_t place = sequence % tile_width;
        if (place == 0) {
            auto tile = read_tile(database_, 0, sequence / tile_width);
            if (!tile) {
                return std::unexpected(std::move(tile.error()));
            }
            stored_leaves_ = std::move(*tile);
        }
        if (!result_.first_bad_leaf && (place >= stored_leaves_.size() || stored_leaves_[place] != leaf)) {
            result_.first_bad_leaf = sequence;
        }
        return {};
    }

    Result<void> compare_tile(unsigned level, std::uint64_t index, std::span<const Hash> hashes) {
        const auto tile = read_tile(database_, level, index);
        if (!tile) {
            return std::unexpected(tile.error());
        }
        if (result_.first_bad_tile.empty() && !std::ranges::equal(*tile, hashes)) {
            result_.first_bad_tile = std::format("tile {} of level {}", index, level);
        }
        return {};
    }

    Result<void> judge_claims() {
        std::optional<Hash> root;
        for (auto next = claims_.next_size(); next && *next <= edge_.size(); next = claims_.next_size()) {
            root = root ? root : edge_.root();
            if (auto taken = claims_.take(root); !taken) {
                return taken;
            }
        }
        return {};
    }

    Result<Scan> finish() {
        while (claims_.next_size()) {
            if (auto taken = claims_.take(std::nullopt); !taken) {
                return std::unexpected(std::move(taken.error()));
            }
        }
        for (unsigned level = 0; level < edge_.levels().size(); level++) {
            const auto &hashes = edge_.levels()[level];
            if (hashes.empty()) {
                continue;
            }
            if (auto compared = compare_tile(level, partial_index(edge_.size(), level), hashes); !compared) {
                return std::unexpected(std::move(compared.error()));
            }
        }
        if (auto counted = count_tiles(); !counted) {
            return std::unexpected(std::move(counted.error()));
        }
        result_.size = edge_.size();
        result_.root = edge_.root();
        return std::move(result_);
    }

    Result<void> count_tiles() {
        auto last = database_.prepare("SELECT idx * 256 + length(hashes) / 32 FROM tiles WHERE level = 0 "
                                      "ORDER BY idx DESC LIMIT 1");
        if (!last) {
            return std::unexpected(std::move(last.error()));
        }
        const auto row = last->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        result_.tile_leaves = *row && last->is_number(0) ? last->number(0) : 0;
        if (first_ > 0) {
            return {}; // Counting takes the longer the more there are.
        }
        const auto stored = database_.number("SELECT count(*) FROM tiles");
        if (!stored) {
            return std::unexpected(stored.error());
        }
        if (result_.first_bad_tile.empty() && *stored != tile_count(edge_.size())) {
            result_.first_bad_tile = "a tile too many";
        }
        return {};
    }

    Database &database_;
    ClaimSource &claims_;
    Scan result_;
    Edge edge_;
    std::uint64_t first_; // that is looked at, or its leaf
    std::uint64_t left_;  // the first record after the pruned ones
    std::vector<Hash> stored_leaves_;
    std::vector<std::size_t> waiting_; // sizes of records that were not hashed yet
    Bytes bodies_;                     // and they themselves, one after the other
    std::optional<Error> tile_error_;
};

} // namespace

Result<Scan> scan(Database &database, ClaimSource &claims, std::uint64_t first, Edge from) {
    return Scanner(database, claims, first, std::move(from)).run();
}

Result<void> judge_pruning(const Scan &scan, std::uint64_t first) {
    if (first > 0 && scan.pruned != first) {
        return fail(Code::tampered,
                    std::format("the records 0 to {} are missing, and no record tells that they were pruned",
                                first - 1));
    }
    if (first == 0 && scan.pruned) {
        return fail(Code::tampered, "the table meta: it does not say which records were pruned");
    }
    return {};
}

bool rings_fit(const Scan &scan, const Meta &meta) {
    RingPositions places = scan.pruned_rings;
    for (const auto &[load_id, next] : scan.rings) {
        places[load_id] = next;
    }
    return places == meta.rings;
}

Result<Scan> scan(Database &database, std::vector<Claim> &claims, std::uint64_t first, Edge from) {
    Listed listed(claims);
    return scan(database, listed, first, std::move(from));
}

} // namespace dsmil::ledger
