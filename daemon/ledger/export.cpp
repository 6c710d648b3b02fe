// SPDX-License-Identifier: Apache-2.0
#include "ledger/export.hpp"

#include "ledger/schema.hpp"

#include <format>

namespace dsmil::ledger {
namespace {

Result<Statement> records_from(Database &database, std::uint64_t first, std::uint64_t limit) {
    return database.prepare("SELECT seq, body FROM records WHERE seq >= ? ORDER BY seq LIMIT ?")
        .transform([&](Statement rows) {
            rows.bind(1, first);
            rows.bind(2, limit);
            return rows;
        });
}

// Reads the next one; false after the last.
Result<bool> next_record(Statement &rows, Record &next) {
    auto row = rows.step();
    if (!row || !*row) {
        return row;
    }
    auto record = decode_record(rows.bytes(1));
    if (!record) {
        record.error().code = Code::tampered;
        return std::unexpected(std::move(record.error()).in(std::format("record {}", rows.number(0))));
    }
    next = std::move(*record);
    return true;
}

} // namespace

Result<LedgerReader> LedgerReader::open(const std::string &path) {
    return Database::open(path, Database::Mode::read_only).transform([](Database database) {
        return LedgerReader(std::move(database));
    });
}

Result<LedgerReader> LedgerReader::open_copy(const std::string &path) {
    auto reader = open(path);
    if (!reader) {
        return reader;
    }
    if (auto ours = check_tables(reader->database_); !ours) {
        return std::unexpected(std::move(ours.error()).in(std::format("reading {}", path)));
    }
    return reader;
}

Result<std::vector<Record>> LedgerReader::records(std::uint64_t first, std::uint64_t limit) {
    auto rows = records_from(database_, first, limit);
    if (!rows) {
        return std::unexpected(std::move(rows.error()));
    }
    std::vector<Record> records;
    for (;;) {
        Record record;
        const auto read = next_record(*rows, record);
        if (!read) {
            return std::unexpected(read.error());
        }
        if (!*read) {
            return records;
        }
        records.push_back(std::move(record));
    }
}

Result<Found> LedgerReader::search(const Query &query, std::uint64_t first, std::uint64_t limit) {
    auto rows = records_from(database_, first, max_searched);
    if (!rows) {
        return std::unexpected(std::move(rows.error()));
    }
    Found found{.records = {}, .next = first, .complete = false};
    std::uint64_t bytes = 0;
    for (std::uint64_t searched = 0; searched < max_searched; searched++) {
        if (found.records.size() == limit || bytes >= max_found_bytes) {
            return found;
        }
        Record record;
        const auto read = next_record(*rows, record);
        if (!read) {
            return std::unexpected(read.error());
        }
        if (!*read) {
            found.complete = true;
            return found;
        }
        found.next = record.sequence + 1;
        if (query.matches(record)) {
            bytes += rows->bytes(1).size();
            found.records.push_back(std::move(record));
        }
    }
    return found;
}

Result<Head> LedgerReader::copy_to(const std::string &path) {
    auto copy = database_.prepare("VACUUM INTO ?");
    if (!copy) {
        return std::unexpected(std::move(copy.error()));
    }
    copy->bind(1, std::string_view(path));
    if (auto copied = copy->run(); !copied) {
        return std::unexpected(std::move(copied.error()).in(std::format("copying the ledger to {}", path)));
    }
    auto database = Database::open(path, Database::Mode::read_write);
    if (!database) {
        return std::unexpected(std::move(database.error()));
    }
    if (auto set = database->run("PRAGMA journal_mode = DELETE"); !set) {
        return std::unexpected(std::move(set.error()));
    }
    const auto size = count_records(*database);
    if (!size) {
        return std::unexpected(size.error());
    }
    return read_edge(*database, *size).transform([](const Edge &edge) {
        return Head{edge.size(), edge.root()};
    });
}

Result<void> seal_copy(const std::string &path, std::uint64_t size, std::string_view note,
                       const std::optional<Quote> &quote) {
    auto database = Database::open(path, Database::Mode::read_write);
    if (!database) {
        return std::unexpected(std::move(database.error()));
    }
    auto transaction = Transaction::begin(*database);
    if (!transaction) {
        return std::unexpected(std::move(transaction.error()));
    }
    return put_checkpoint(*database, size, note, quote).and_then([&] { return transaction->commit(); });
}

} // namespace dsmil::ledger
