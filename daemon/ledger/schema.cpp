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

// As sqlite_schema keeps them: by name.
struct Table {
    std::string_view name;
    std::string_view sql;
};
constexpr std::array<Table, 4> tables = {{
    {"checkpoints", "CREATE TABLE checkpoints(id INTEGER PRIMARY KEY, size INTEGER NOT NULL, "
                    "note TEXT NOT NULL) STRICT"},
    {"meta", "CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID"},
    {"records", "CREATE TABLE records(seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT"},
    {"tiles", "CREATE TABLE tiles(level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL, "
              "PRIMARY KEY(level, idx)) STRICT"},
}};

Result<std::uint64_t> read_number(Database &database, std::string_view sql) {
    auto statement = database.prepare(sql);
    if (!statement) {
        return std::unexpected(std::move(statement.error()));
    }
    const auto row = statement->step();
    if (!row) {
        return std::unexpected(row.error());
    }
    return *row ? statement->number(0) : 0;
}

std::unexpected<Error> not_a_ledger(std::string why) {
    return fail(Code::failed, std::format("not a ledger of this release: {}", why));
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
    const auto load =
        name.starts_with(ring_prefix) ? from_hex(name.substr(ring_prefix.size())) : std::nullopt;
    Id128 load_id{};
    std::uint64_t next = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), next);
    if (!load || load->size() != load_id.size() || error != std::errc{} ||
        end != value.data() + value.size()) {
        return bad_meta(name);
    }
    std::ranges::copy(*load, load_id.begin());
    meta.rings[load_id] = next;
    return {};
}

} // namespace

Result<void> create_tables(Database &database, const std::string &origin) {
    auto transaction = Transaction::begin(database);
    if (!transaction) {
        return std::unexpected(std::move(transaction.error()));
    }
    std::string sql =
        std::format("PRAGMA application_id = {}; PRAGMA user_version = {};", application_id, file_format);
    for (const auto &table : tables) {
        sql += table.sql;
        sql += ';';
    }
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
    return read_number(database, "SELECT count(*) FROM sqlite_schema").transform([](auto count) {
        return count == 0;
    });
}

Result<void> check_tables(Database &database) {
    const auto id = read_number(database, "PRAGMA application_id");
    const auto format = id ? read_number(database, "PRAGMA user_version") : id;
    if (!format) {
        return std::unexpected(format.error());
    }
    if (*id != application_id) {
        return not_a_ledger("it lacks the mark of one");
    }
    if (*format != file_format) {
        return not_a_ledger(std::format("its format is {}, known is {}", *format, file_format));
    }
    auto statement = database.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL OR "
                                      "name <> 'sqlite_autoindex_tiles_1' ORDER BY name");
    if (!statement) {
        return std::unexpected(std::move(statement.error()));
    }
    std::size_t found = 0;
    for (;;) {
        const auto row = statement->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            break;
        }
        if (found >= tables.size() || statement->text(0) != tables.at(found).name ||
            statement->text(1) != tables.at(found).sql) {
            return fail(Code::tampered,
                        std::format("its table \"{}\" is not one of ours", statement->text(0)));
        }
        found++;
    }
    return found == tables.size() ? Result<void>{} : fail(Code::tampered, "it lacks a table");
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

Result<void> write_ring(Database &database, const Id128 &load_id, std::uint64_t next) {
    auto statement = database.prepare("INSERT OR REPLACE INTO meta VALUES(?, ?)");
    if (!statement) {
        return std::unexpected(std::move(statement.error()));
    }
    const std::string name = std::format("{}{}", ring_prefix, to_hex(load_id));
    const std::string value = std::to_string(next);
    statement->bind(1, std::string_view(name));
    statement->bind(2, std::string_view(value));
    return statement->run();
}

Result<std::uint64_t> count_records(Database &database) {
    return read_number(database, "SELECT coalesce(max(seq) + 1, 0) FROM records");
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
    auto statement = database.prepare("INSERT OR REPLACE INTO tiles VALUES(?, ?, ?)");
    if (!statement) {
        return std::unexpected(std::move(statement.error()));
    }
    static_assert(sizeof(Hash) == 32); // so that an array of them is their concatenation
    const ByteView bytes(reinterpret_cast<const std::uint8_t *>(hashes.data()), hashes.size_bytes());
    statement->bind(1, std::uint64_t{level});
    statement->bind(2, index);
    statement->bind(3, bytes);
    return statement->run();
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
