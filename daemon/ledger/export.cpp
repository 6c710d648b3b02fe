// SPDX-License-Identifier: Apache-2.0
#include "ledger/export.hpp"

#include "ledger/schema.hpp"

#include <format>

namespace dsmil::ledger {

Result<LedgerReader> LedgerReader::open(const std::string &path) {
    return Database::open(path, Database::Mode::read_only).transform([](Database database) {
        return LedgerReader(std::move(database));
    });
}

Result<std::vector<Record>> LedgerReader::records(std::uint64_t first, std::uint64_t limit) {
    auto rows = database_.prepare("SELECT seq, body FROM records WHERE seq >= ? ORDER BY seq LIMIT ?");
    if (!rows) {
        return std::unexpected(std::move(rows.error()));
    }
    rows->bind(1, first);
    rows->bind(2, limit);
    std::vector<Record> records;
    for (;;) {
        const auto row = rows->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            return records;
        }
        auto record = decode_record(rows->bytes(1));
        if (!record) {
            record.error().code = Code::tampered;
            return std::unexpected(std::move(record.error()).in(std::format("record {}", rows->number(0))));
        }
        records.push_back(std::move(*record));
    }
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
