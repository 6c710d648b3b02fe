// SPDX-License-Identifier: Apache-2.0
#include "ledger/schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>

namespace dsmil::ledger {
namespace {

constexpr std::uint64_t application_id = 0x44534D4C; // "DSML", so that file(1) and we know it
constexpr std::string_view ring_prefix = "ring:";
constexpr std::string_view first_name = "first";

// As sqlite_schema keeps them: by name.
struct Table {
    std::string_view name;
    std::uint64_t since; // format
    std::string_view sql;
};
constexpr std::array<Table, 6> tables = {{
    {"anchors", 2,
     "CREATE TABLE anchors(id INTEGER PRIMARY KEY, checkpoint INTEGER NOT NULL, at INTEGER NOT NULL, "
     "reason TEXT NOT NULL, before BLOB NOT NULL, after BLOB NOT NULL, count INTEGER) STRICT"},
    {"checkpoints", 1,
     "CREATE TABLE checkpoints(id INTEGER PRIMARY KEY, size INTEGER NOT NULL, "
     "note TEXT NOT NULL) STRICT"},
    {"meta", 1, "CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID"},
    {"quotes", 2,
     "CREATE TABLE quotes(checkpoint INTEGER PRIMARY KEY, attest BLOB NOT NULL, signature BLOB NOT NULL, "
     "pcrs BLOB NOT NULL) STRICT"},
    {"records", 1, "CREATE TABLE records(seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT"},
    {"tiles", 1,
     "CREATE TABLE tiles(level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL, "
     "PRIMARY KEY(level, idx)) STRICT"},
}};

std::unexpected<Error> not_a_ledger(std::string why) {
    return fail(Code::failed, std::format("not a ledger of this release: {}", why));
}

std::unexpected<Error> not_ours(std::string_view table) {
    return fail(Code::tampered, std::format("its table \"{}\" is not one of ours", table));
}

std::unexpected<Error> bad_meta(std::string_view name) {
    return fail(Code::tampered,
                std::format("the table meta holds \"{}\", which does not belong there", name));
}

Result<void> take_meta(Meta &meta, std::string_view name, std::string_view value) {
    if (name == "origin") {
        meta.origin = value;
        return {};
    }
    std::uint64_t next = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), next);
    if (error != std::errc{} || std::to_string(next) != value) {
        return bad_meta(name);
    }
    if (name == first_name) {
        meta.first = next;
        return next > 0 && next % tile_width == 0 ? Result<void>{} : bad_meta(name);
    }
    const auto load =
        name.starts_with(ring_prefix) ? from_hex(name.substr(ring_prefix.size())) : std::nullopt;
    Id128 load_id{};
    if (!load || load->size() != load_id.size()) {
        return bad_meta(name);
    }
    std::ranges::copy(*load, load_id.begin());
    meta.rings[load_id] = next;
    return {};
}

Result<void> write_meta(Statement &put, const std::string &name, std::uint64_t number) {
    const std::string value = std::to_string(number);
    put.bind(1, std::string_view(name));
    put.bind(2, std::string_view(value));
    return put.run();
}

// The SQL that makes the tables which came after a format.
std::string tables_since(std::uint64_t format) {
    std::string sql = std::format("PRAGMA user_version = {};", file_format);
    for (const auto &table : tables) {
        if (table.since > format) {
            sql += table.sql;
            sql += ';';
        }
    }
    return sql;
}

} // namespace

Result<void> create_tables(Database &database, const std::string &origin) {
    auto transaction = Transaction::begin(database);
    if (!transaction) {
        return std::unexpected(std::move(transaction.error()));
    }
    const std::string sql = std::format("PRAGMA application_id = {};", application_id) + tables_since(0);
    if (auto made = database.run(sql); !made) {
        return made;
    }
    auto insert = database.prepare("INSERT INTO meta VALUES('origin', ?)");
    if (!insert) {
        return std::unexpected(std::move(insert.error()));
    }
    insert->bind(1, std::string_view(origin));
    if (auto inserted = insert->run(); !inserted) {
        return inserted;
    }
    return transaction->commit();
}

Result<bool> is_empty(Database &database) {
    return database.number("SELECT count(*) FROM sqlite_schema").transform([](auto count) {
        return count == 0;
    });
}

Result<std::uint64_t> check_tables(Database &database) {
    const auto id = database.number("PRAGMA application_id");
    const auto format = id ? database.number("PRAGMA user_version") : id;
    if (!format) {
        return std::unexpected(format.error());
    }
    if (*id != application_id) {
        return not_a_ledger("it lacks the mark of one");
    }
    if (*format < oldest_file_format || *format > file_format) {
        return not_a_ledger(
            std::format("its format is {}, known are {} to {}", *format, oldest_file_format, file_format));
    }
    auto statement = database.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL OR "
                                      "name <> 'sqlite_autoindex_tiles_1' ORDER BY name");
    if (!statement) {
        return std::unexpected(std::move(statement.error()));
    }
    for (const auto &table : tables) {
        if (table.since > *format) {
            continue;
        }
        const auto row = statement->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            return fail(Code::tampered, std::format("it lacks the table \"{}\"", table.name));
        }
        if (statement->text(0) != table.name || statement->text(1) != table.sql) {
            return not_ours(statement->text(0));
        }
    }
    const auto more = statement->step();
    if (!more) {
        return std::unexpected(more.error());
    }
    return *more ? Result<std::uint64_t>(not_ours(statement->text(0))) : *format;
}

Result<void> upgrade(Database &database, std::uint64_t format) {
    if (format == file_format) {
        return {};
    }
    auto transaction = Transaction::begin(database);
    if (!transaction) {
        return std::unexpected(std::move(transaction.error()));
    }
    if (auto made = database.run(tables_since(format)); !made) {
        return made;
    }
    return transaction->commit();
}

Result<Meta> read_meta(Database &database) {
    auto statement = database.prepare("SELECT name, value FROM meta");
    if (!statement) {
        return std::unexpected(std::move(statement.error()));
    }
    Meta meta;
    for (;;) {
        const auto row = statement->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            return meta;
        }
        if (auto taken = take_meta(meta, statement->text(0), statement->text(1)); !taken) {
            return std::unexpected(std::move(taken.error()));
        }
    }
}

Result<Statement> prepare_meta(Database &database) {
    return database.prepare("INSERT OR REPLACE INTO meta VALUES(?, ?)");
}

Result<void> write_ring(Statement &put, const Id128 &load_id, std::uint64_t next) {
    return write_meta(put, std::format("{}{}", ring_prefix, to_hex(load_id)), next);
}

Result<void> prune_records(Database &database, std::uint64_t first) {
    auto statement = database.prepare("DELETE FROM records WHERE seq < ?");
    if (!statement) {
        return std::unexpected(std::move(statement.error()));
    }
    statement->bind(1, first);
    return statement->run().and_then([&] { return prepare_meta(database); }).and_then([first](Statement put) {
        return write_meta(put, std::string(first_name), first);
    });
}

Result<void> put_checkpoint(Database &database, std::uint64_t size, std::string_view note,
                            const std::optional<Quote> &quote) {
    auto insert = database.prepare("INSERT INTO checkpoints(size, note) VALUES(?, ?)");
    if (!insert) {
        return std::unexpected(std::move(insert.error()));
    }
    insert->bind(1, size);
    insert->bind(2, note);
    if (auto inserted = insert->run(); !inserted || !quote) {
        return inserted;
    }
    auto add = database.prepare("INSERT INTO quotes VALUES(last_insert_rowid(), ?, ?, ?)");
    if (!add) {
        return std::unexpected(std::move(add.error()));
    }
    add->bind(1, ByteView(quote->attest));
    add->bind(2, ByteView(quote->signature));
    add->bind(3, ByteView(quote->pcrs));
    return add->run();
}

Result<std::uint64_t> count_records(Database &database) {
    return database.number("SELECT coalesce(max(seq) + 1, 0) FROM records");
}

Result<std::string> newest_note(Database &database) {
    auto row = database.prepare("SELECT note FROM checkpoints ORDER BY id DESC LIMIT 1");
    if (!row) {
        return std::unexpected(std::move(row.error()));
    }
    const auto found = row->step();
    if (!found) {
        return std::unexpected(found.error());
    }
    if (!*found) {
        return fail(Code::not_signed, "it has no checkpoint");
    }
    return std::string(row->text(0));
}

Result<std::vector<Hash>> read_tile(Database &database, unsigned level, std::uint64_t index) {
    auto statement = database.prepare("SELECT hashes FROM tiles WHERE level = ? AND idx = ?");
    if (!statement) {
        return std::unexpected(std::move(statement.error()));
    }
    statement->bind(1, std::uint64_t{level});
    statement->bind(2, index);
    const auto row = statement->step();
    if (!row) {
        return std::unexpected(row.error());
    }
    if (!*row) {
        return std::vector<Hash>{};
    }
    const ByteView bytes = statement->bytes(0);
    constexpr std::size_t width = std::tuple_size_v<Hash>;
    if (!statement->is_blob(0) || bytes.empty() || bytes.size() % width != 0 ||
        bytes.size() > tile_width * width) {
        return fail(Code::tampered, std::format("tile {} of level {} is malformed", index, level));
    }
    std::vector<Hash> hashes(bytes.size() / width);
    for (std::size_t i = 0; i < hashes.size(); i++) {
        std::ranges::copy(bytes.subspan(i * width, width), hashes[i].begin());
    }
    return hashes;
}

Result<void> write_tile(Database &database, unsigned level, std::uint64_t index,
                        std::span<const Hash> hashes) {
    auto put = prepare_tile(database);
    return put ? write_tile(*put, level, index, hashes) : std::unexpected(std::move(put.error()));
}

Result<Statement> prepare_tile(Database &database) {
    // Not "or replace", which would make another row.
    return database.prepare("INSERT INTO tiles VALUES(?, ?, ?) ON CONFLICT(level, idx) "
                            "DO UPDATE SET hashes = excluded.hashes");
}

Result<void> write_tile(Statement &put, unsigned level, std::uint64_t index, std::span<const Hash> hashes) {
    put.bind(1, std::uint64_t{level});
    put.bind(2, index);
    put.bind(3, tile_bytes(hashes));
    return put.run();
}

Result<Edge> read_edge(Database &database, std::uint64_t size) {
    std::vector<std::vector<Hash>> levels;
    for (unsigned level = 0; level <= max_tile_level && (size >> (8 * level)) > 0; level++) {
        const std::uint64_t width = partial_width(size, level);
        levels.emplace_back();
        if (width == 0) {
            continue;
        }
        auto tile = read_tile(database, level, partial_index(size, level));
        if (!tile) {
            return std::unexpected(std::move(tile.error()));
        }
        if (tile->size() < width) {
            return fail(Code::tampered, std::format("tile {} of level {} is missing or too short",
                                                    partial_index(size, level), level));
        }
        tile->resize(width);
        levels.back() = std::move(*tile);
    }
    return Edge::resume(size, std::move(levels));
}

} // namespace dsmil::ledger
