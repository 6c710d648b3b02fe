// SPDX-License-Identifier: Apache-2.0
#include "ledger/verify.hpp"

#include "ledger/anchor_check.hpp"
#include "ledger/claims.hpp"
#include "ledger/quotes.hpp"
#include "ledger/record.hpp"
#include "ledger/scan.hpp"
#include "ledger/signed_checkpoint.hpp"
#include "ledger/verify_folder.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <format>
#include <fstream>
#include <memory>

namespace dsmil::ledger {
namespace {

std::unexpected<Error> tampered(std::string detail) {
    return fail(Code::tampered, std::move(detail));
}

// The checkpoints of the file by size, and among them the held one. One note is in memory at a time.
class StoredClaims final : public ClaimSource {
  public:
    StoredClaims(Statement rows, Statement note, std::span<const NoteVerifier> keys,
                 const std::string &origin, const std::optional<Checkpoint> &held)
        : rows_(std::move(rows)), note_(std::move(note)), keys_(keys), origin_(origin), held_(held) {}

    static Result<std::unique_ptr<StoredClaims>> open(Database &database, std::span<const NoteVerifier> keys,
                                                      const std::string &origin,
                                                      const std::optional<Checkpoint> &held) {
        auto rows = database.prepare("SELECT size, id FROM checkpoints ORDER BY size, id");
        if (!rows) {
            return std::unexpected(std::move(rows.error()));
        }
        auto note = database.prepare("SELECT note FROM checkpoints WHERE id = ?");
        if (!note) {
            return std::unexpected(std::move(note.error()));
        }
        auto claims = std::make_unique<StoredClaims>(std::move(*rows), std::move(*note), keys, origin, held);
        if (auto first = claims->advance(); !first) {
            return std::unexpected(std::move(first.error()));
        }
        return claims;
    }

    [[nodiscard]] std::optional<std::uint64_t> next_size() const override {
        const bool held_is_next = held_ && !held_taken_ && (!stored_ || held_->size <= *stored_);
        return held_is_next ? held_->size : stored_;
    }

    Result<void> take(const std::optional<Hash> &root) override {
        if (held_ && !held_taken_ && (!stored_ || held_->size <= *stored_)) {
            held_taken_ = true;
            claims_.take("the held checkpoint", *held_, root, true);
            return {};
        }
        if (!stored_) {
            return {};
        }
        if (auto taken = take_stored(*stored_, root); !taken) {
            return taken;
        }
        return advance();
    }

    [[nodiscard]] const Claims &claims() const { return claims_; }
    [[nodiscard]] std::uint64_t foreign() const { return foreign_; } // notes that the key did not sign
    [[nodiscard]] const std::optional<Note> &newest() const { return newest_; } // of the key's

  private:
    Result<void> take_stored(std::uint64_t size, const std::optional<Hash> &root) {
        const auto name = std::format("checkpoint {}", id_);
        note_.bind(1, id_);
        const auto row = note_.step();
        if (!row) {
            return std::unexpected(row.error());
        }
        const std::string text(*row && note_.is_text(0) ? note_.text(0) : "");
        note_.reset();
        auto read = read_signed(text, keys_, name);
        if (!read && read.error().code != Code::not_signed) {
            return tampered(std::format("{}: its signature does not hold", name));
        }
        auto checkpoint =
            read ? Result<Checkpoint>(read->checkpoint)
                 : Note::parse(text).and_then([](const Note &note) { return Checkpoint::parse(note.text); });
        if (!checkpoint || checkpoint->origin != origin_ || checkpoint->size != size) {
            return tampered(std::format("{}: it is none of this ledger", name));
        }
        if (!read) {
            foreign_++;
            return {};
        }
        claims_.take(name, *checkpoint, root, false);
        newest_ = std::move(read->note);
        return {};
    }

    Result<void> advance() {
        const auto row = rows_.step();
        if (!row) {
            return std::unexpected(row.error());
        }
        stored_.reset();
        if (*row) {
            if (!rows_.is_number(0)) {
                return tampered("a checkpoint has no size");
            }
            stored_ = rows_.number(0);
            id_ = rows_.number(1);
        }
        return {};
    }

    Statement rows_;
    Statement note_;
    std::span<const NoteVerifier> keys_;
    const std::string &origin_;
    const std::optional<Checkpoint> &held_;
    std::optional<std::uint64_t> stored_; // size of the next one
    std::uint64_t id_ = 0;
    bool held_taken_ = false;
    Claims claims_;
    std::uint64_t foreign_ = 0;
    std::optional<Note> newest_;
};

Result<void> judge_records(const Claims &claims, const Scan &scan) {
    if (scan.first_bad_leaf && claims.cover(*scan.first_bad_leaf)) {
        return tampered(
            std::format("tile {} of level 0: it does not have the hash of record {}, which is right",
                        *scan.first_bad_leaf / tile_width, *scan.first_bad_leaf));
    }
    if (scan.first_bad_leaf) {
        return tampered(std::format("record {}: its hash is not the one in the tree", *scan.first_bad_leaf));
    }
    if (auto roots = claims.judge_roots(); !roots) {
        return roots;
    }
    return scan.first_bad_content.empty() ? Result<void>{} : tampered(scan.first_bad_content);
}

Result<void> judge_length(const Claims &claims, const Scan &scan) {
    if (auto covered = claims.judge_length(scan.size); !covered) {
        return covered;
    }
    if (scan.tile_leaves > scan.size) {
        return fail(Code::cut, std::format("there are {} records, and the tree has {} leaves", scan.size,
                                           scan.tile_leaves));
    }
    return {};
}

Result<void> judge(const Claims &claims, const Scan &scan, const Meta &meta) {
    auto verdict = claims.judge_forks();
    verdict = verdict ? judge_records(claims, scan) : verdict;
    verdict = verdict ? judge_length(claims, scan) : verdict;
    if (!verdict) {
        return verdict;
    }
    if (!scan.first_bad_tile.empty()) {
        return tampered(std::format("{}: it is not what the records give", scan.first_bad_tile));
    }
    if (auto told = judge_pruning(scan, meta.first); !told) {
        return told;
    }
    if (!rings_fit(scan, meta)) {
        return tampered("the table meta: the places in the audit ring are not those of the records");
    }
    return {};
}

Result<void> judge_signatures(const StoredClaims &stored, const Scan &scan, const std::string &name) {
    const auto &claims = stored.claims();
    if (claims.own() == 0) {
        return fail(Code::not_signed,
                    std::format("no checkpoint is signed by {}{}", name,
                                stored.foreign() > 0 ? " (there are some of other keys)" : ""));
    }
    if (claims.own_size() < scan.size) {
        return fail(Code::not_signed, std::format("records {} to {} come after the last signed checkpoint",
                                                  claims.own_size(), scan.size - 1));
    }
    return {};
}

// Newer records may be in a -wal file that was not copied along.
bool lacks_wal(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::array<char, 20> header{};
    file.read(header.data(), header.size());
    return file.good() && header[18] == 2 && !std::filesystem::exists(path + "-wal");
}

// The quotes and anchors of its checkpoints, into the report.
Result<void> judge_tpm(VerifyReport &report, Database &database, std::uint64_t format, const Scan &scanned,
                       std::uint64_t first, std::span<const NoteVerifier> keys,
                       const VerifyOptions &options) {
    const auto quotes = format >= 2 ? check_quotes(database, keys, options.ak) : Result<std::uint64_t>(0);
    if (!quotes) {
        return std::unexpected(quotes.error());
    }
    report.quotes = *quotes;
    report.quotes_verified = options.ak != nullptr && *quotes > 0;
    const auto anchors = check_anchors(database, format, options.tpm, scanned.adoptions, first);
    if (!anchors) {
        return std::unexpected(anchors.error());
    }
    report.anchors = anchors->anchors;
    report.adopted = anchors->adopted;
    if (anchors->adopted > 0) {
        report.notes.push_back(std::format(
            "the TPM's memory of the ledger began anew {} times, at last with {} records: of what "
            "was before it says nothing",
            anchors->adopted, anchors->adopted_size));
    }
    if (options.tpm != nullptr) {
        report.freshness = Freshness::tpm;
        report.fresh_size = std::min(anchors->fresh_size, report.size);
    }
    return {};
}

Result<Verified> verify_database(Database &database, std::span<const NoteVerifier> keys,
                                 const std::optional<Checkpoint> &held, const VerifyOptions &options) {
    const auto format = check_tables(database);
    if (!format) {
        return std::unexpected(format.error());
    }
    const auto meta = read_meta(database);
    if (!meta) {
        return std::unexpected(meta.error());
    }
    if (held && held->origin != meta->origin) {
        return fail(Code::usage, std::format("the held checkpoint is of another log: {}", held->origin));
    }
    const auto opened = StoredClaims::open(database, keys, meta->origin, held);
    if (!opened) {
        return std::unexpected(opened.error());
    }
    StoredClaims &stored = **opened;
    const auto scanned = scan(database, stored, meta->first);
    if (!scanned) {
        return std::unexpected(scanned.error());
    }
    auto verdict = judge(stored.claims(), *scanned, *meta);
    verdict = verdict ? judge_signatures(stored, *scanned, keys.front().key().name) : verdict;
    if (!verdict) {
        return std::unexpected(std::move(verdict.error()));
    }
    const auto &newest = stored.newest();
    if (!newest) {
        return fail(Code::not_signed, "there is no checkpoint");
    }
    VerifyReport report;
    report.origin = meta->origin;
    report.size = scanned->size;
    report.root = scanned->root;
    report.checkpoints = stored.claims().own();
    report.newest_realtime_ns = scanned->newest_realtime_ns;
    if (meta->first > 0) {
        report.notes.push_back(
            std::format("the records 0 to {} were pruned, as a record says; their hashes are "
                        "still in the tree",
                        meta->first - 1));
    }
    if (auto tpm = judge_tpm(report, database, *format, *scanned, meta->first, keys, options); !tpm) {
        return std::unexpected(std::move(tpm.error()));
    }
    return Verified{std::move(report), *newest};
}

Result<Verified> verify_ledger(const std::string &path, std::span<const NoteVerifier> keys,
                               const std::optional<Checkpoint> &held, const VerifyOptions &options) {
    auto database = Database::open(path, Database::Mode::read_only);
    if (!database) {
        return std::unexpected(std::move(database.error()));
    }
    const bool no_wal = lacks_wal(path);
    // One snapshot, even of a ledger that is being written.
    auto verified =
        database->run("BEGIN").and_then([&] { return verify_database(*database, keys, held, options); });
    if (verified && no_wal) {
        verified->report.notes.emplace_back(
            "the file is a live ledger's without its -wal file, so newer records may be "
            "missing; dsmilctl audit export makes a clean copy");
    }
    return verified;
}

// What shows that the log is new: the held checkpoint, and better than that its witnesses.
Result<void> judge_freshness(VerifyReport &report, const Note &newest, const SignedCheckpoint *held,
                             const VerifyOptions &options) {
    // The TPM's word is as of now, and stands above the others.
    const bool by_tpm = report.freshness == Freshness::tpm;
    if (held != nullptr && !by_tpm) {
        report.freshness = Freshness::held_checkpoint;
        report.fresh_size = held->checkpoint.size;
    }
    if (options.witnesses == nullptr) {
        return {};
    }
    std::optional<WitnessPolicy::Quorum> best;
    std::uint64_t covered = 0;
    for (const auto *note : {&newest, held != nullptr ? &held->note : &newest}) {
        auto quorum = options.witnesses->judge(*note);
        if (!quorum) {
            return tampered(std::format("{} does not hold", quorum.error().detail));
        }
        if (quorum->reached && (!best || quorum->since > best->since)) {
            best = std::move(*quorum);
            covered = note == &newest ? report.size : held->checkpoint.size;
        }
    }
    if (!best) {
        return fail(Code::not_signed,
                    "the checkpoint has not the cosignatures that the witness policy wants");
    }
    report.witnesses = best->witnesses;
    if (best->needs_witnesses) {
        report.fresh_since = best->since;
        const std::uint64_t age = options.now > best->since ? options.now - best->since : 0;
        if (age <= options.max_age_s && !by_tpm) {
            report.freshness = Freshness::witnessed;
            report.fresh_size = covered;
        }
    }
    return {};
}

std::string time_text(std::uint64_t seconds) {
    constexpr std::uint64_t year_9999 = 253'402'300'799;
    if (seconds > year_9999) {
        return std::format("second {}", seconds);
    }
    return std::format("{:%FT%TZ}", std::chrono::sys_seconds(std::chrono::seconds(seconds)));
}

} // namespace

std::string VerifyReport::text() const {
    constexpr std::uint64_t billion = 1'000'000'000;
    std::string text = std::format("consistent up to {} records", size);
    if (newest_realtime_ns != 0 || size == 0) {
        text += " at " + time_text(newest_realtime_ns / billion);
    }
    text += std::format(", root {}, signed by {}", to_base64(root), origin);
    if (quotes > 0) {
        text +=
            std::format(", {} of its checkpoints quoted by {}", quotes,
                        quotes_verified ? "the attestation key" : "an attestation key that was not checked");
    }
    if (!witnesses.empty()) {
        text += std::format(", cosigned by {} witnesses as of {}", witnesses.size(), time_text(fresh_since));
    }
    switch (freshness) {
    case Freshness::not_shown:
        text += "; freshness not shown";
        break;
    case Freshness::held_checkpoint:
        text += std::format("; not older than the held checkpoint of {} records", fresh_size);
        break;
    case Freshness::tpm:
        text += std::format("; the TPM was asked and remembers it: fresh up to {} records", fresh_size);
        break;
    case Freshness::witnessed:
        text += std::format("; fresh up to the {} records that they saw", fresh_size);
        break;
    }
    for (const auto &note : notes) {
        text += "; " + note;
    }
    return text;
}

Result<VerifyReport> verify_log(const std::string &path, std::span<const NoteVerifier> keys,
                                const VerifyOptions &options) {
    if (keys.empty()) {
        return fail(Code::usage, "there is no verifier key");
    }
    std::optional<SignedCheckpoint> held;
    std::optional<Checkpoint> held_checkpoint;
    if (options.held_checkpoint) {
        auto read = read_signed(*options.held_checkpoint, keys, "the held checkpoint");
        if (!read) {
            return fail(Code::usage, "the held checkpoint is not signed by the key", {read.error().detail});
        }
        held_checkpoint = read->checkpoint;
        held = std::move(*read);
    }
    std::error_code error;
    const bool is_folder = std::filesystem::is_directory(path, error);
    if (is_folder && (options.tpm != nullptr || options.ak != nullptr)) {
        return fail(Code::usage,
                    "a folder of tiles has no quotes and anchors: the evidence of a TPM goes with a "
                    "ledger file");
    }
    auto verified = is_folder ? verify_folder(path, keys, held_checkpoint)
                              : verify_ledger(path, keys, held_checkpoint, options);
    auto judged = verified
                      ? judge_freshness(verified->report, verified->newest, held ? &*held : nullptr, options)
                      : std::unexpected(verified.error());
    if (!judged) {
        return std::unexpected(std::move(judged.error()).in(std::format("verifying {}", path)));
    }
    if (options.require_fresh && verified->report.freshness == Freshness::not_shown) {
        return fail(Code::freshness_not_shown, std::format("verifying {}", path), {verified->report.text()});
    }
    return std::move(verified->report);
}

Result<VerifyReport> verify_file(const std::string &path, std::string_view vkeys,
                                 const VerifyOptions &options) {
    auto keys = parse_keys(vkeys);
    if (!keys) {
        return std::unexpected(std::move(keys.error()));
    }
    const std::vector<NoteVerifier> verifiers(keys->begin(), keys->end());
    return verify_log(path, verifiers, options);
}

} // namespace dsmil::ledger
