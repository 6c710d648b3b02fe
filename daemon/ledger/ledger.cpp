// SPDX-License-Identifier: Apache-2.0
#include "ledger/ledger.hpp"

#include "ledger/checkpoint.hpp"
#include "ledger/note.hpp"
#include "ledger/verify.hpp"

#include <format>

namespace dsmil::ledger {
namespace {

// A larger file is checked at start by its right edge and newest records only;
// `dsmilctl audit verify` checks all of it. A million records take about a second.
constexpr std::uint64_t full_check_records = 1'000'000;

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

// What a transaction will have changed once it is committed.
struct Ledger::Batch {
    Edge edge;
    RingPositions rings; // those that moved
    Statement insert;
    Appended appended;
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
    auto report = check_database(database_, full_check_records);
    if (!report) {
        return std::unexpected(std::move(report.error()));
    }
    auto meta = read_meta(database_);
    if (!meta) {
        return std::unexpected(std::move(meta.error()));
    }
    if (!options_.origin.empty() && meta->origin != options_.origin) {
        return fail(Code::config_invalid, std::format("its origin is {} and the configuration says {}",
                                                      meta->origin, options_.origin));
    }
    origin_ = std::move(meta->origin);
    rings_ = std::move(meta->rings);
    last_checkpoint_ = std::move(report->last_note);
    last_checkpoint_size_ = report->last_note_size;
    auto edge = read_edge(database_, report->size);
    if (!edge) {
        return std::unexpected(std::move(edge.error()));
    }
    edge_ = std::move(*edge);
    return is_new_ ? Result<void>{} : prepare_to_write();
}

Result<void> Ledger::prepare_to_write() {
    database_.keep_wal(false);
    if (auto set = database_.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"); !set) {
        return set;
    }
    return database_.limit_bytes(options_.max_bytes);
}

Result<void> Ledger::make_tables() {
    const std::string &origin = options_.origin.empty() ? options_.default_origin : options_.origin;
    if (!is_key_name(origin)) {
        return fail(Code::config_invalid,
                    std::format("\"{}\" cannot be an origin: it is empty, or has a space or a plus", origin));
    }
    return create_tables(database_, origin);
}

Result<Appended> Ledger::append(std::vector<Record> records) {
    auto transaction = Transaction::begin(database_);
    if (!transaction) {
        return std::unexpected(std::move(transaction.error()));
    }
    auto insert_row = database_.prepare("INSERT INTO records VALUES(?, ?)");
    if (!insert_row) {
        return std::unexpected(std::move(insert_row.error()));
    }
    options_.on_step("begun");
    Batch batch{.edge = edge_, .rings = {}, .insert = std::move(*insert_row), .appended = {}};
    for (Record &record : records) {
        const auto ring = record.ring;
        auto inserted =
            ring ? insert_from_ring(batch, std::move(record), *ring) : insert(batch, std::move(record));
        if (!inserted) {
            return std::unexpected(std::move(inserted.error()));
        }
    }
    options_.on_step("inserted");
    if (batch.appended.records == 0) {
        return batch.appended;
    }
    if (auto finished = finish(batch); !finished) {
        return std::unexpected(std::move(finished.error()));
    }
    options_.on_step("committing");
    if (auto committed = transaction->commit(); !committed) {
        return std::unexpected(std::move(committed.error()));
    }
    edge_ = std::move(batch.edge);
    for (const auto &[load_id, next] : batch.rings) {
        rings_[load_id] = next;
    }
    options_.on_step("committed");
    return batch.appended;
}

Result<void> Ledger::insert(Batch &batch, Record record) {
    record.sequence = batch.edge.size();
    const auto body = encode(std::move(record));
    if (!body) {
        return std::unexpected(body.error());
    }
    batch.insert.bind(1, batch.edge.size());
    batch.insert.bind(2, ByteView(*body));
    if (auto inserted = batch.insert.run(); !inserted) {
        return inserted;
    }
    Result<void> stored;
    batch.edge.append(leaf_hash(*body),
                      [&](unsigned level, std::uint64_t index, std::span<const Hash> hashes) {
                          if (stored) {
                              stored = write_tile(database_, level, index, hashes);
                          }
                      });
    batch.appended.records++;
    return stored;
}

Result<void> Ledger::insert_from_ring(Batch &batch, Record record, const RingPosition &at) {
    auto moved = batch.rings.find(at.load_id);
    const auto known = rings_.find(at.load_id);
    const std::uint64_t next = moved != batch.rings.end() ? moved->second
                               : known != rings_.end()    ? known->second
                                                          : first_ring_sequence;
    if (at.sequence < next) {
        batch.appended.duplicates++;
        return {};
    }
    if (at.sequence > next) {
        if (auto inserted = insert(batch, missing_record(record, at.load_id, next, at.sequence - next));
            !inserted) {
            return inserted;
        }
    }
    batch.rings[at.load_id] = at.sequence + 1;
    return insert(batch, std::move(record));
}

Result<void> Ledger::finish(Batch &batch) {
    const auto &levels = batch.edge.levels();
    for (unsigned level = 0; level < levels.size(); level++) {
        // A level above changed only when the tile below it became full.
        const bool changed = (batch.edge.size() >> (8 * level)) != (edge_.size() >> (8 * level));
        if (levels[level].empty() || !changed) {
            continue;
        }
        if (auto stored =
                write_tile(database_, level, partial_index(batch.edge.size(), level), levels[level]);
            !stored) {
            return stored;
        }
    }
    for (const auto &[load_id, next] : batch.rings) {
        if (auto stored = write_ring(database_, load_id, next); !stored) {
            return stored;
        }
    }
    return {};
}

Result<void> Ledger::add_checkpoint(std::uint64_t size, std::string_view note) {
    auto insert = database_.prepare("INSERT INTO checkpoints(size, note) VALUES(?, ?)");
    if (!insert) {
        return std::unexpected(std::move(insert.error()));
    }
    insert->bind(1, size);
    insert->bind(2, note);
    if (auto inserted = insert->run(); !inserted) {
        return inserted;
    }
    last_checkpoint_ = note;
    last_checkpoint_size_ = size;
    options_.on_step("checkpointed");
    return {};
}

} // namespace dsmil::ledger
