// SPDX-License-Identifier: Apache-2.0
#include "ledger/verify.hpp"

#include "base/file.hpp"
#include "ledger/note.hpp"
#include "ledger/record.hpp"
#include "ledger/scan.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <format>
#include <fstream>

namespace dsmil::ledger {
namespace {

struct Claims {
    std::vector<Claim> claims; // by size; those that count for signed
    std::uint64_t foreign = 0; // notes that the key did not sign
};

std::unexpected<Error> tampered(std::string detail) {
    return fail(Code::tampered, std::move(detail));
}

// Checks one stored note; nothing when it is none of the key's.
Result<std::optional<Checkpoint>> read_claim(const Statement &row, const VerifierKey &key,
                                             const std::string &origin, const std::string &name) {
    const auto note = Note::parse(row.is_text(2) ? row.text(2) : "");
    const auto verdict = note ? verify(*note, key) : NoteVerdict::wrong;
    if (verdict == NoteVerdict::wrong) {
        return tampered(std::format("{}: its signature does not hold", name));
    }
    auto checkpoint = Checkpoint::parse(note->text);
    if (!checkpoint || checkpoint->origin != origin || !row.is_number(1) ||
        checkpoint->size != row.number(1)) {
        return tampered(std::format("{}: it is none of this ledger", name));
    }
    if (verdict == NoteVerdict::unknown) {
        return std::nullopt;
    }
    return std::move(*checkpoint);
}

Result<Claims> read_claims(Database &database, const VerifierKey &key, const std::string &origin) {
    auto rows = database.prepare("SELECT id, size, note FROM checkpoints ORDER BY id");
    if (!rows) {
        return std::unexpected(std::move(rows.error()));
    }
    Claims claims;
    for (;;) {
        const auto row = rows->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            break;
        }
        const auto name = std::format("checkpoint {}", rows->number(0));
        auto checkpoint = read_claim(*rows, key, origin, name);
        if (!checkpoint) {
            return std::unexpected(std::move(checkpoint.error()));
        }
        if (auto &claim = *checkpoint) {
            claims.claims.push_back({std::move(*claim), name, std::nullopt});
        } else {
            claims.foreign++;
        }
    }
    return claims;
}

Result<void> add_held(Claims &claims, const std::string &held, const VerifierKey &key) {
    const auto note = Note::parse(held);
    if (!note || verify(*note, key) != NoteVerdict::signed_by_key) {
        return fail(Code::usage, "the held checkpoint is not signed by the key");
    }
    auto checkpoint = Checkpoint::parse(note->text);
    if (!checkpoint) {
        return std::unexpected(std::move(checkpoint.error()).in("the held checkpoint"));
    }
    claims.claims.push_back({std::move(*checkpoint), "the held checkpoint", std::nullopt});
    return {};
}

// Two signed checkpoints that no single history can satisfy.
Result<void> judge_forks(const std::vector<Claim> &claims) {
    for (std::size_t i = 1; i < claims.size(); i++) {
        const auto &[a, b] = std::tie(claims[i - 1], claims[i]);
        if (a.checkpoint.size == b.checkpoint.size && a.checkpoint.root != b.checkpoint.root) {
            return fail(Code::forked, std::format("{} and {} both cover {} records and have different roots",
                                                  a.name, b.name, a.checkpoint.size));
        }
    }
    const auto last_good =
        std::ranges::find(claims.rbegin(), claims.rend(), std::optional(true), &Claim::holds);
    const auto first_bad = std::ranges::find(claims, std::optional(false), &Claim::holds);
    if (first_bad != claims.end() && last_good != claims.rend() &&
        last_good->checkpoint.size > first_bad->checkpoint.size) {
        return fail(Code::forked,
                    std::format("{} (of {} records) holds and {} (of {} records) contradicts it",
                                last_good->name, last_good->checkpoint.size, first_bad->name,
                                first_bad->checkpoint.size));
    }
    return {};
}

Result<void> judge_records(const std::vector<Claim> &claims, const Scan &scan) {
    const auto first_bad = std::ranges::find(claims, std::optional(false), &Claim::holds);
    if (scan.first_bad_leaf) {
        const bool covered_and_right = std::ranges::any_of(claims, [&](const Claim &claim) {
            return claim.holds == true && claim.checkpoint.size > *scan.first_bad_leaf;
        });
        if (covered_and_right) {
            return tampered(
                std::format("tile {} of level 0: it does not have the hash of record {}, which is right",
                            *scan.first_bad_leaf / tile_width, *scan.first_bad_leaf));
        }
        return tampered(std::format("record {}: its hash is not the one in the tree", *scan.first_bad_leaf));
    }
    if (first_bad != claims.end()) {
        const std::uint64_t good = first_bad == claims.begin() ? 0 : std::prev(first_bad)->checkpoint.size;
        return tampered(
            std::format("one of the records {} to {} was changed, and the tree with it: their root is not "
                        "the one that {} signs",
                        good, first_bad->checkpoint.size - 1, first_bad->name));
    }
    if (!scan.first_bad_content.empty()) {
        return tampered(scan.first_bad_content);
    }
    return {};
}

Result<void> judge_length(const std::vector<Claim> &claims, const Scan &scan) {
    if (!claims.empty() && claims.back().checkpoint.size > scan.size) {
        return fail(Code::cut, std::format("there are {} records, and {} covers {}", scan.size,
                                           claims.back().name, claims.back().checkpoint.size));
    }
    if (scan.tile_leaves > scan.size) {
        return fail(Code::cut, std::format("there are {} records, and the tree has {} leaves", scan.size,
                                           scan.tile_leaves));
    }
    return {};
}

// Everything but signatures.
Result<Scan> judge(Database &database, std::vector<Claim> &claims, const Meta &meta) {
    std::ranges::stable_sort(claims, {}, [](const Claim &claim) { return claim.checkpoint.size; });
    auto scanned = scan(database, claims);
    if (!scanned) {
        return scanned;
    }
    auto verdict = judge_forks(claims);
    verdict = verdict ? judge_records(claims, *scanned) : verdict;
    verdict = verdict ? judge_length(claims, *scanned) : verdict;
    if (!verdict) {
        return std::unexpected(std::move(verdict.error()));
    }
    if (!scanned->first_bad_tile.empty()) {
        return tampered(std::format("{}: it is not what the records give", scanned->first_bad_tile));
    }
    if (scanned->rings != meta.rings) {
        return tampered("the table meta: the places in the audit ring are not those of the records");
    }
    return scanned;
}

// Newer records may be in a -wal file that was not copied along.
bool lacks_wal(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::array<char, 20> header{};
    file.read(header.data(), header.size());
    return file.good() && header[18] == 2 && !std::filesystem::exists(path + "-wal");
}

Result<void> judge_signatures(const Claims &claims, const Scan &scan, const VerifierKey &key) {
    const auto covered =
        std::ranges::find_if(claims.claims.rbegin(), claims.claims.rend(),
                             [](const Claim &claim) { return claim.name != "the held checkpoint"; });
    if (covered == claims.claims.rend()) {
        return fail(Code::not_signed,
                    std::format("no checkpoint is signed by {}{}", key.name,
                                claims.foreign > 0 ? " (there are some of other keys)" : ""));
    }
    if (covered->checkpoint.size < scan.size) {
        return fail(Code::not_signed, std::format("records {} to {} come after the last signed checkpoint",
                                                  covered->checkpoint.size, scan.size - 1));
    }
    return {};
}

Result<VerifyReport> verify_database(Database &database, const VerifierKey &key,
                                     const VerifyOptions &options) {
    if (auto ours = check_tables(database); !ours) {
        return std::unexpected(std::move(ours.error()));
    }
    const auto meta = read_meta(database);
    if (!meta) {
        return std::unexpected(meta.error());
    }
    auto claims = read_claims(database, key, meta->origin);
    if (!claims) {
        return std::unexpected(std::move(claims.error()));
    }
    const std::uint64_t own = claims->claims.size();
    if (options.held_checkpoint) {
        if (auto added = add_held(*claims, *options.held_checkpoint, key); !added) {
            return std::unexpected(std::move(added.error()));
        }
    }
    auto scanned = judge(database, claims->claims, *meta);
    if (!scanned) {
        return std::unexpected(std::move(scanned.error()));
    }
    if (auto all_signed = judge_signatures(*claims, *scanned, key); !all_signed) {
        return std::unexpected(std::move(all_signed.error()));
    }
    return VerifyReport{meta->origin, scanned->size, scanned->root, own, scanned->newest_realtime_ns, {}};
}

} // namespace

std::string VerifyReport::text() const {
    const std::chrono::sys_time<std::chrono::nanoseconds> newest{
        std::chrono::nanoseconds(newest_realtime_ns)};
    std::string text =
        std::format("consistent up to {} records at {:%FT%TZ}, root {}, signed by {}; freshness not shown",
                    size, std::chrono::floor<std::chrono::seconds>(newest), to_base64(root), origin);
    for (const auto &note : notes) {
        text += "; " + note;
    }
    return text;
}

Result<VerifyReport> verify_file(const std::string &path, std::string_view vkey,
                                 const VerifyOptions &options) {
    const auto key = VerifierKey::parse(vkey);
    if (!key) {
        return std::unexpected(key.error());
    }
    auto database = Database::open(path, Database::Mode::read_only);
    if (!database) {
        return std::unexpected(std::move(database.error()));
    }
    const bool no_wal = lacks_wal(path);
    // One snapshot, even of a ledger that is being written.
    auto report = database->run("BEGIN").and_then([&] { return verify_database(*database, *key, options); });
    if (!report) {
        return std::unexpected(std::move(report.error()).in(std::format("verifying {}", path)));
    }
    if (no_wal) {
        report->notes.emplace_back(
            "the file is a live ledger's without its -wal file, so newer records may be "
            "missing; dsmilctl audit export makes a clean copy");
    }
    if (options.require_fresh) {
        return fail(Code::freshness_not_shown, std::format("verifying {}", path), {report->text()});
    }
    return report;
}

} // namespace dsmil::ledger
