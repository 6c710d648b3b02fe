// SPDX-License-Identifier: Apache-2.0
#include "ledger/ledger.hpp"

#include "ledger/note.hpp"
#include "ledger/start_check.hpp"

#include <format>
#include <utility>

namespace dsmil::ledger {
namespace {

// A load of the module numbers its records from 1 (linux/dsmil.h). A ledger that starts on an
// older load therefore begins with what it missed.
constexpr std::uint64_t first_ring_sequence = 1;

std::unexpected<Error> refuse(Error error, const std::string &path) {
    return std::unexpected(std::move(error).in(std::format("opening the ledger {}", path)));
}

// Records that the ring had and this ledger never saw: somebody else read and acknowledged them.
Record missing_record(const Record &next, const Id128 &load_id, std::uint64_t first, std::uint64_t count) {
    Record record;
    record.boottime_ns = next.boottime_ns;
    record.realtime_ns = next.realtime_ns;
    record.boot_id = next.boot_id;
    record.source = "dsmild";
    record.action = "missing";
    record.outcome = "lost";
    record.values = {{"count", count}, {"first", first}, {"load_id", Bytes(load_id.begin(), load_id.end())}};
    return record;
}

} // namespace

// Records on their way into the file: encoded, numbered, and where the rings will be.
struct Ledger::Batch {
    explicit Batch(std::uint64_t size) : first(size) {}
    [[nodiscard]] std::uint64_t next() const { return first + bodies.size(); }

    std::uint64_t first; // sequence
    std::vector<Bytes> bodies;
    RingPositions rings;            // those that move
    std::uint64_t forget_below = 0; // records; 0: none
};

Result<Ledger> Ledger::open(LedgerOptions options) {
    auto database = Database::open(options.path, Database::Mode::create);
    if (!database) {
        return refuse(std::move(database.error()), options.path);
    }
    Ledger ledger(std::move(options), std::move(*database));
    if (auto loaded = ledger.load(); !loaded) {
        return refuse(std::move(loaded.error()), ledger.options_.path);
    }
    return ledger;
}

Result<void> Ledger::load() {
    // What is refused is left as it is.
    database_.keep_wal(true);
    const auto empty = is_empty(database_);
    if (!empty) {
        return std::unexpected(empty.error());
    }
    is_new_ = *empty;
    if (is_new_) {
        if (auto made = prepare_to_write().and_then([this] { return make_tables(); }); !made) {
            return made;
        }
    }
    auto report = check_at_start(database_);
    if (!report) {
        return std::unexpected(std::move(report.error()));
    }
    auto &meta = report->meta;
    if (!options_.origin.empty() && meta.origin != options_.origin) {
        return fail(Code::config_invalid, std::format("its origin is {} and the configuration says {}",
                                                      meta.origin, options_.origin));
    }
    origin_ = std::move(meta.origin);
    rings_ = std::move(meta.rings);
    first_ = meta.first;
    last_checkpoint_ = std::move(report->last_note);
    last_checkpoint_size_ = report->last_note_size;
    opened_realtime_ns_ = report->newest_realtime_ns;
    auto edge = read_edge(database_, report->size);
    if (!edge) {
        return std::unexpected(std::move(edge.error()));
    }
    edge_ = std::move(*edge);
    return (is_new_ ? Result<void>{} : prepare_to_write())
        .and_then([&] { return upgrade(database_, report->format); })
        .and_then([this] { return prepare_statements(); })
        .and_then([this] { return take_reserve(); });
}

Result<void> Ledger::prepare_to_write() {
    database_.keep_wal(false);
    // The size of pages is that of a new file: a tile goes on two, and a commit writes fewer of them.
    if (auto set = database_.run(std::format("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; "
                                             "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = {}",
                                             options_.wal_pages));
        !set) {
        return set;
    }
    return database_.limit_bytes(options_.max_bytes);
}

Result<void> Ledger::prepare_statements() {
    auto insert = database_.prepare("INSERT INTO records VALUES(?, ?)");
    auto put = insert ? prepare_tile(database_) : std::unexpected(insert.error());
    auto meta = put ? prepare_meta(database_) : std::unexpected(put.error());
    if (!meta) {
        return std::unexpected(std::move(meta.error()));
    }
    prepared_ = std::make_unique<Prepared>(std::move(*insert), std::move(*put), std::move(*meta));
    return {};
}

Result<void> Ledger::make_tables() {
    const std::string &origin = options_.origin.empty() ? options_.default_origin : options_.origin;
    if (!is_key_name(origin)) {
        return fail(Code::config_invalid,
                    std::format("\"{}\" cannot be an origin: it is empty, or has a space or a plus", origin));
    }
    return create_tables(database_, origin);
}

Result<Appended> Ledger::append(std::vector<Record> records, Durability durability) {
    Group group;
    group.push_back(std::move(records));
    auto answers = append_group(std::move(group), durability);
    return answers ? std::move(answers->front()) : std::unexpected(std::move(answers.error()));
}

// As much as is kept, of the disk and of what the file may have.
Result<void> Ledger::take_reserve() {
    if (has_reserve()) {
        return {};
    }
    if (options_.max_bytes != 0) {
        const auto page_size = database_.number("PRAGMA page_size");
        const auto pages = page_size ? database_.number("PRAGMA page_count") : page_size;
        const auto unused = pages ? database_.number("PRAGMA freelist_count") : pages;
        if (!unused) {
            return std::unexpected(unused.error());
        }
        if ((*pages - *unused) * *page_size + reserve_.wanted() > options_.max_bytes) {
            return {};
        }
    }
    return reserve_.take() && options_.max_bytes != 0
               ? database_.limit_bytes(options_.max_bytes - options_.reserve_bytes)
               : Result<void>{};
}

Result<void> Ledger::write_with_reserve(const Batch &batch, bool critical) {
    if (auto taken = take_reserve(); !taken) {
        return taken;
    }
    if (!has_reserve() && !critical) {
        return fail(Code::disk_full, "what room is left is kept for what matters to security");
    }
    auto wrote = write(batch);
    if (wrote || wrote.error().code != Code::disk_full || !reserve_.held()) {
        return wrote;
    }
    reserve_.let_go();
    if (auto limited = database_.limit_bytes(options_.max_bytes); !limited) {
        return limited;
    }
    return critical ? write(batch) : wrote;
}

Result<std::vector<Result<Appended>>> Ledger::append_group(Group group, Durability durability,
                                                           bool critical) {
    Batch batch(edge_.size());
    std::vector<Result<Appended>> answers;
    for (auto &records : group) {
        answers.push_back(stage(batch, std::move(records)));
        if (answers.back()) {
            answers.back()->durability = durability;
        }
    }
    Result<void> done;
    if (!batch.bodies.empty()) {
        done = be(durability).and_then([&] { return write_with_reserve(batch, critical); });
    } else if (durability == Durability::power) {
        done = sync(); // for duplicates of what was taken with less
    }
    return done ? Result<std::vector<Result<Appended>>>(std::move(answers)) : std::unexpected(done.error());
}

// With NORMAL a commit is the kernel's, and the next one with FULL takes it to the disk, too: both
// are of one write-ahead log.
Result<void> Ledger::be(Durability durability) {
    const bool full = durability == Durability::power;
    if (full != full_) {
        if (auto set = database_.run(full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
            !set) {
            return set;
        }
        full_ = full;
    }
    return {};
}

Result<void> Ledger::sync() {
    if (synced_) {
        return {};
    }
    // The least that makes a commit: sqlite passes over a row that keeps its value, and would not
    // ask the disk for anything.
    auto done = be(Durability::power).and_then([this] {
        return database_.run(std::format("PRAGMA user_version = {}", file_format));
    });
    synced_ = done.has_value();
    return done;
}

Result<Appended> Ledger::stage(Batch &batch, std::vector<Record> records) const {
    const std::size_t before = batch.bodies.size();
    RingPositions moved;
    Appended appended;
    const auto take = [&batch](Record record) -> Result<void> {
        record.sequence = batch.next();
        return encode(std::move(record)).transform([&batch](Bytes body) {
            batch.bodies.push_back(std::move(body));
        });
    };
    const auto next_of = [&](const Id128 &load_id) {
        for (const RingPositions *positions : {&std::as_const(moved), &std::as_const(batch.rings), &rings_}) {
            if (const auto known = positions->find(load_id); known != positions->end()) {
                return known->second;
            }
        }
        return first_ring_sequence;
    };
    for (Record &record : records) {
        Result<void> taken;
        if (const auto at = record.ring) {
            const std::uint64_t next = next_of(at->load_id);
            if (at->sequence < next) {
                appended.duplicates++;
                continue;
            }
            if (at->sequence > next) {
                taken = take(missing_record(record, at->load_id, next, at->sequence - next));
            }
            moved[at->load_id] = at->sequence + 1;
        }
        if (taken) {
            taken = take(std::move(record));
        }
        if (!taken) {
            batch.bodies.resize(before);
            return std::unexpected(std::move(taken.error()));
        }
    }
    for (const auto &[load_id, next] : moved) {
        batch.rings[load_id] = next;
    }
    appended.records = batch.bodies.size() - before;
    return appended;
}

Result<Pruned> Ledger::prune(const Retention &policy, Record record) {
    auto pruned = plan_pruning(database_, policy, first_, last_checkpoint_size_, edge_.size());
    if (!pruned || pruned->first == pruned->from) {
        return pruned;
    }
    if (auto told = describe_pruning(record, policy, *pruned, rings_); !told) {
        return std::unexpected(std::move(told.error()));
    }
    Batch batch(edge_.size());
    batch.forget_below = pruned->first;
    std::vector<Record> records;
    records.push_back(std::move(record));
    // What is forgotten leaves nothing behind on its pages.
    auto done = stage(batch, std::move(records))
                    .and_then([this](const Appended &) { return be(Durability::power); })
                    .and_then([this] { return database_.run("PRAGMA secure_delete = ON"); })
                    .and_then([&] { return write(batch); });
    if (auto usual = database_.run("PRAGMA secure_delete = OFF"); !usual && done) {
        done = std::move(usual);
    }
    if (!done) {
        return std::unexpected(std::move(done.error()));
    }
    first_ = pruned->first;
    return pruned;
}

Result<void> Ledger::write(const Batch &batch) {
    auto transaction = Transaction::begin(database_);
    if (!transaction) {
        return std::unexpected(std::move(transaction.error()));
    }
    options_.on_step("begun");
    Edge edge = edge_;
    Result<void> stored;
    const auto store_tile = [&](unsigned level, std::uint64_t index, std::span<const Hash> hashes) {
        if (stored) {
            stored = write_tile(prepared_->put_tile, level, index, hashes);
        }
    };
    const std::vector<ByteView> bodies(batch.bodies.begin(), batch.bodies.end());
    std::vector<Hash> leaves(bodies.size());
    leaf_hashes(bodies, leaves);
    for (std::size_t i = 0; i < bodies.size(); i++) {
        prepared_->insert_record.bind(1, edge.size());
        prepared_->insert_record.bind(2, bodies[i]);
        if (auto inserted = prepared_->insert_record.run(); !inserted) {
            return inserted;
        }
        edge.append(leaves[i], store_tile);
    }
    options_.on_step("inserted");
    stored = stored.and_then([&] { return write_tiles(edge); });
    for (auto moved = batch.rings.begin(); stored && moved != batch.rings.end(); ++moved) {
        stored = write_ring(prepared_->put_meta, moved->first, moved->second);
    }
    if (batch.forget_below > 0) {
        stored = stored.and_then([&] { return prune_records(database_, batch.forget_below); });
    }
    if (!stored) {
        return stored;
    }
    options_.on_step("committing");
    if (auto committed = transaction->commit(); !committed) {
        return committed;
    }
    edge_ = std::move(edge);
    for (const auto &[load_id, next] : batch.rings) {
        rings_[load_id] = next;
    }
    synced_ = full_;
    options_.on_step("committed");
    return {};
}

Result<void> Ledger::write_tiles(const Edge &edge) {
    const auto &levels = edge.levels();
    for (unsigned level = 0; level < levels.size(); level++) {
        // A level above changed only when the tile below it became full.
        const bool changed = (edge.size() >> (8 * level)) != (edge_.size() >> (8 * level));
        if (levels[level].empty() || !changed) {
            continue;
        }
        auto stored =
            write_tile(prepared_->put_tile, level, partial_index(edge.size(), level), levels[level]);
        if (!stored) {
            return stored;
        }
    }
    return {};
}

Result<void> Ledger::add_checkpoint(std::uint64_t size, std::string_view note,
                                    const std::optional<Quote> &quote) {
    if (size < last_checkpoint_size_) {
        return {}; // It was overtaken by one that covers more.
    }
    if (auto set = be(Durability::power); !set) {
        return set;
    }
    auto transaction = Transaction::begin(database_);
    if (!transaction) {
        return std::unexpected(std::move(transaction.error()));
    }
    if (auto put = put_checkpoint(database_, size, note, quote); !put) {
        return put;
    }
    options_.on_step("checkpointing");
    if (auto committed = transaction->commit(); !committed) {
        return committed;
    }
    synced_ = true;
    last_checkpoint_ = note;
    last_checkpoint_size_ = size;
    options_.on_step("checkpointed");
    return {};
}

Result<AnchorBook> Ledger::read_anchors(std::uint64_t since_ns, std::size_t limit) {
    return ledger::read_anchors(database_, since_ns, limit);
}

Result<Anchor> Ledger::begin_anchor(std::uint64_t at_ns, AnchorReason reason, const Hash &before) {
    if (auto set = be(Durability::power); !set) {
        return std::unexpected(std::move(set.error()));
    }
    auto put = put_anchor(database_, at_ns, reason, before);
    options_.on_step("anchor pending");
    return put;
}

Result<void> Ledger::end_anchor(std::uint64_t id, std::uint64_t count) {
    auto ended = be(Durability::power).and_then([&] { return finish_anchor(database_, id, count); });
    options_.on_step("anchor done");
    return ended;
}

} // namespace dsmil::ledger
