// SPDX-License-Identifier: Apache-2.0
#include "ledger/start_check.hpp"

#include "ledger/note.hpp"
#include "ledger/scan.hpp"

#include <algorithm>
#include <format>

namespace dsmil::ledger {
namespace {

std::unexpected<Error> tampered(std::string detail) {
    return fail(Code::tampered, std::move(detail));
}

// The newest checkpoints, oldest first.
struct Newest {
    std::vector<Claim> claims;
    std::optional<std::string> note;
};

Result<Claim> read_claim(const Statement &row, const std::string &origin) {
    const auto name = std::format("checkpoint {}", row.number(0));
    const auto note = Note::parse(row.is_text(2) ? row.text(2) : "");
    auto checkpoint = note ? Checkpoint::parse(note->text) : std::unexpected(note.error());
    if (!checkpoint || checkpoint->origin != origin || !row.is_number(1) ||
        checkpoint->size != row.number(1)) {
        return tampered(std::format("{}: it is none of this ledger", name));
    }
    return Claim{std::move(*checkpoint), name, std::nullopt};
}

Result<Newest> read_newest(Database &database, const std::string &origin) {
    auto rows = database.prepare("SELECT id, size, note FROM checkpoints ORDER BY id DESC LIMIT ?");
    if (!rows) {
        return std::unexpected(std::move(rows.error()));
    }
    rows->bind(1, start_check_checkpoints);
    Newest newest;
    for (;;) {
        const auto row = rows->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            std::ranges::reverse(newest.claims);
            return newest;
        }
        auto claim = read_claim(*rows, origin);
        if (!claim) {
            return std::unexpected(std::move(claim.error()));
        }
        if (!newest.note) {
            newest.note = rows->text(2);
        } else if (claim->checkpoint.size > newest.claims.back().checkpoint.size) {
            return tampered(
                std::format("{} covers fewer records than the one before it", newest.claims.back().name));
        }
        newest.claims.push_back(std::move(*claim));
    }
}

Result<void> judge(const Scan &scanned, const std::vector<Claim> &claims) {
    if (scanned.first_bad_leaf) {
        return tampered(
            std::format("record {}: its hash is not the one in the tree", *scanned.first_bad_leaf));
    }
    if (const auto bad = std::ranges::find(claims, std::optional(false), &Claim::holds);
        bad != claims.end()) {
        return tampered(std::format("the tree of the first {} records is not the one that {} signs",
                                    bad->checkpoint.size, bad->name));
    }
    if (!scanned.first_bad_content.empty()) {
        return tampered(scanned.first_bad_content);
    }
    if (scanned.tile_leaves > scanned.size) {
        return fail(Code::cut, std::format("there are {} records, and the tree has {} leaves", scanned.size,
                                           scanned.tile_leaves));
    }
    if (!scanned.first_bad_tile.empty()) {
        return tampered(std::format("{}: it is not what the records give", scanned.first_bad_tile));
    }
    return {};
}

// Of the records that were looked at, which are not all when some are older than that.
Result<void> judge_rest(const Scan &scanned, const Meta &meta, bool all) {
    if (all || scanned.pruned) {
        if (auto told = judge_pruning(scanned, meta.first); !told) {
            return told;
        }
    }
    const bool fit = all || scanned.pruned
                         ? rings_fit(scanned, meta)
                         : std::ranges::all_of(scanned.rings, [&](const auto &seen) {
                               const auto kept = meta.rings.find(seen.first);
                               return kept != meta.rings.end() && kept->second == seen.second;
                           });
    return fit ? Result<void>{}
               : tampered("the table meta: the places in the audit ring are not those of the records");
}

// The oldest record is the one that pruning left.
Result<void> check_oldest(Database &database, std::uint64_t first) {
    const auto oldest = database.number("SELECT coalesce(min(seq), 0) FROM records");
    if (!oldest) {
        return std::unexpected(oldest.error());
    }
    return *oldest == first
               ? Result<void>{}
               : tampered(std::format("the oldest record is {}, and pruning left {}", *oldest, first));
}

// A checkpoint of records that are older than those that are looked at.
Result<void> check_old(Database &database, const Claim &claim) {
    const auto edge = read_edge(database, claim.checkpoint.size);
    if (!edge) {
        return std::unexpected(edge.error());
    }
    if (edge->root() != claim.checkpoint.root) {
        return tampered(std::format("the tree of the first {} records is not the one that {} signs",
                                    claim.checkpoint.size, claim.name));
    }
    return {};
}

} // namespace

Result<StartReport> check_at_start(Database &database, std::uint64_t records) {
    const auto format = check_tables(database);
    if (!format) {
        return std::unexpected(format.error());
    }
    auto meta = read_meta(database);
    if (!meta) {
        return std::unexpected(std::move(meta.error()));
    }
    const auto size = count_records(database);
    if (!size) {
        return std::unexpected(size.error());
    }
    auto newest = read_newest(database, meta->origin);
    if (!newest) {
        return std::unexpected(std::move(newest.error()));
    }
    StartReport report{*format, *size, std::move(*meta), std::move(newest->note), 0, 0};
    auto &claims = newest->claims;
    if (!claims.empty()) {
        report.last_note_size = claims.back().checkpoint.size;
    }
    if (report.last_note_size > *size) {
        return fail(Code::cut, std::format("there are {} records, and {} covers {}", *size,
                                           claims.back().name, report.last_note_size));
    }
    const std::uint64_t first = *size > records ? (*size - records) / tile_width * tile_width : 0;
    if (!claims.empty() && report.last_note_size < first) {
        if (auto checked = check_old(database, claims.back()); !checked) {
            return std::unexpected(std::move(checked.error()));
        }
    }
    std::erase_if(claims, [first](const Claim &claim) { return claim.checkpoint.size < first; });
    auto edge = read_edge(database, first);
    if (!edge) {
        return std::unexpected(std::move(edge.error()));
    }
    auto scanned = scan(database, claims, report.meta.first, std::move(*edge));
    if (!scanned) {
        return std::unexpected(std::move(scanned.error()));
    }
    if (auto judged = judge(*scanned, claims); !judged) {
        return std::unexpected(std::move(judged.error()));
    }
    auto rest = judge_rest(*scanned, report.meta, first == 0).and_then([&] {
        return check_oldest(database, report.meta.first);
    });
    if (!rest) {
        return std::unexpected(std::move(rest.error()));
    }
    report.newest_realtime_ns = scanned->newest_realtime_ns;
    return report;
}

} // namespace dsmil::ledger
