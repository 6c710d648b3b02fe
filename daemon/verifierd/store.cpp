// SPDX-License-Identifier: Apache-2.0
#include "verifierd/store.hpp"

#include <format>
#include <initializer_list>
#include <type_traits>

namespace dsmil::verifierd {
namespace {

constexpr std::uint64_t application_id = 0x44534D56; // "DSMV"
constexpr std::uint64_t file_format = 1;

constexpr std::string_view schema = R"sql(
CREATE TABLE machines(name TEXT PRIMARY KEY, ek_name BLOB NOT NULL UNIQUE, ek_public BLOB NOT NULL,
  ak_name BLOB NOT NULL, ak_public BLOB NOT NULL, vendor TEXT NOT NULL, enrolled INTEGER NOT NULL,
  attested INTEGER, tried INTEGER, outcome INTEGER, attempts INTEGER NOT NULL, quoted BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE enrolments(id TEXT PRIMARY KEY, machine TEXT NOT NULL UNIQUE, ek_name BLOB NOT NULL,
  ek_public BLOB NOT NULL, ak_name BLOB NOT NULL, ak_public BLOB NOT NULL, vendor TEXT NOT NULL,
  secret BLOB NOT NULL, issued INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE sessions(id TEXT PRIMARY KEY, machine TEXT NOT NULL, nonce BLOB NOT NULL,
  pcrs INTEGER NOT NULL, issued INTEGER NOT NULL, expires INTEGER NOT NULL, used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_of ON sessions(machine);
CREATE TABLE results(number INTEGER PRIMARY KEY AUTOINCREMENT, machine TEXT NOT NULL,
  at INTEGER NOT NULL, outcome INTEGER NOT NULL, body TEXT NOT NULL, token TEXT NOT NULL) STRICT;
CREATE INDEX result_of ON results(machine, number);
)sql";

using ledger::Database;
using ledger::Statement;
using ledger::Transaction;

template <typename... Values>
Result<Statement> prepared(Database &database, std::string_view sql, const Values &...values) {
    auto statement = database.prepare(sql);
    if (statement) {
        int index = 0;
        [[maybe_unused]] const auto bind = [&](const auto &value) {
            index++;
            using Value = std::remove_cvref_t<decltype(value)>;
            if constexpr (std::is_integral_v<Value>) {
                statement->bind(index, static_cast<std::uint64_t>(value));
            } else if constexpr (std::is_same_v<Value, ByteView>) {
                static constexpr std::uint8_t somewhere = 0; // a blob at no place is NULL to sqlite
                statement->bind(index, value.empty() ? ByteView(&somewhere, 0) : value);
            } else {
                statement->bind(index, value);
            }
        };
        (bind(values), ...);
    }
    return statement;
}

// A statement without rows.
template <typename... Values>
Result<void> run(Database &database, std::string_view sql, const Values &...values) {
    auto statement = prepared(database, sql, values...);
    return statement ? statement->run() : Result<void>(std::unexpected(std::move(statement.error())));
}

// `read` of each row.
template <typename Read, typename... Values>
Result<void> each(Database &database, std::string_view sql, Read read, const Values &...values) {
    auto statement = prepared(database, sql, values...);
    if (!statement) {
        return std::unexpected(std::move(statement.error()));
    }
    for (;;) {
        const auto row = statement->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            return {};
        }
        read(*statement);
    }
}

Bytes bytes_of(const Statement &row, int column) {
    const ByteView view = row.bytes(column);
    return {view.begin(), view.end()};
}

std::optional<std::uint64_t> time_of(const Statement &row, int column) {
    return row.is_number(column) ? std::optional(row.number(column)) : std::nullopt;
}

Outcome outcome_of(const Statement &row, int column) {
    return row.number(column) == 0   ? Outcome::verified
           : row.number(column) == 1 ? Outcome::broken_evidence
                                     : Outcome::policy_violation;
}

Keys keys_of(const Statement &row, int first) {
    return {.ek_public = bytes_of(row, first + 1),
            .ek_name = bytes_of(row, first),
            .ak_public = bytes_of(row, first + 3),
            .ak_name = bytes_of(row, first + 2),
            .vendor = std::string(row.text(first + 4))};
}

constexpr std::string_view machine_columns = "name, ek_name, ek_public, ak_name, ak_public, vendor, "
                                             "enrolled, attested, tried, outcome, attempts, quoted";

Machine machine_of(const Statement &row) {
    return {.name = std::string(row.text(0)),
            .keys = keys_of(row, 1),
            .enrolled_s = row.number(6),
            .attested_s = time_of(row, 7),
            .tried_s = time_of(row, 8),
            .outcome = row.is_number(9) ? std::optional(outcome_of(row, 9)) : std::nullopt,
            .attempts = static_cast<unsigned>(row.number(10)),
            .quoted = bytes_of(row, 11)};
}

std::unexpected<Error> too_many(std::string_view what, std::size_t limit) {
    return fail(Code::try_again, std::format("{} {} already, which is the most there may be", limit, what));
}

} // namespace

Result<Store> Store::open(const std::string &path, std::uint64_t max_bytes) {
    auto database = Database::open(path, Database::Mode::create);
    if (!database) {
        return std::unexpected(std::move(database.error()));
    }
    Store store(std::move(*database));
    if (auto ready = store.prepare(max_bytes); !ready) {
        return std::unexpected(std::move(ready.error()).in(std::format("opening {}", path)));
    }
    return store;
}

Result<void> Store::prepare(std::uint64_t max_bytes) {
    std::uint64_t id = 0;
    std::uint64_t format = 0;
    const auto first = [](std::uint64_t &place) {
        return [&place](const Statement &row) { place = row.number(0); };
    };
    if (auto asked = each(database_, "PRAGMA application_id", first(id)); !asked) {
        return asked;
    }
    if (auto asked = each(database_, "PRAGMA user_version", first(format)); !asked) {
        return asked;
    }
    if (auto set = database_.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"); !set) {
        return set;
    }
    if (auto limited = database_.limit_bytes(max_bytes); !limited) {
        return limited;
    }
    if (id == application_id && format == file_format) {
        return {};
    }
    std::uint64_t objects = 0;
    if (auto asked = each(database_, "SELECT count(*) FROM sqlite_schema", first(objects)); !asked) {
        return asked;
    }
    if (id != 0 || format != 0 || objects != 0) {
        return fail(Code::failed, "it is not a file of this release of dsmil-verifierd");
    }
    auto transaction = Transaction::begin(database_);
    if (!transaction) {
        return std::unexpected(std::move(transaction.error()));
    }
    if (auto made = database_.run(std::format("PRAGMA application_id = {}; PRAGMA user_version = {};{}",
                                              application_id, file_format, schema));
        !made) {
        return made;
    }
    return transaction->commit();
}

Result<std::optional<Machine>> Store::machine(std::string_view name) {
    std::optional<Machine> found;
    auto read = each(
        database_, std::format("SELECT {} FROM machines WHERE name = ?", machine_columns),
        [&](const Statement &row) { found = machine_of(row); }, name);
    return read.transform([&] { return std::move(found); });
}

Result<std::optional<std::string>> Store::machine_with_ek(ByteView ek_name) {
    std::optional<std::string> found;
    auto read = each(
        database_, "SELECT name FROM machines WHERE ek_name = ?",
        [&](const Statement &row) { found = std::string(row.text(0)); }, ek_name);
    return read.transform([&] { return std::move(found); });
}

Result<std::vector<Machine>> Store::machines(std::string_view after, std::size_t limit) {
    std::vector<Machine> found;
    auto read = each(
        database_,
        std::format("SELECT {} FROM machines WHERE name > ? ORDER BY name LIMIT ?", machine_columns),
        [&](const Statement &row) { found.push_back(machine_of(row)); }, after, limit);
    return read.transform([&] { return std::move(found); });
}

Result<std::size_t> Store::machine_count() {
    return count("SELECT count(*) FROM machines WHERE ? >= 0", 0);
}

Result<std::uint64_t> Store::count(std::string_view sql, std::uint64_t now_s) {
    std::uint64_t number = 0;
    auto read = each(database_, sql, [&](const Statement &row) { number = row.number(0); }, now_s);
    return read.transform([&] { return number; });
}

Result<void> Store::remove(std::string_view name) {
    auto transaction = Transaction::begin(database_);
    if (!transaction) {
        return std::unexpected(std::move(transaction.error()));
    }
    for (const auto *sql :
         {"DELETE FROM machines WHERE name = ?", "DELETE FROM results WHERE machine = ?",
          "DELETE FROM sessions WHERE machine = ?", "DELETE FROM enrolments WHERE machine = ?"}) {
        if (auto removed = run(database_, sql, name); !removed) {
            return removed;
        }
    }
    return transaction->commit();
}

Result<void> Store::put(const Enrolment &enrolment, std::uint64_t now_s) {
    auto transaction = Transaction::begin(database_);
    if (!transaction) {
        return std::unexpected(std::move(transaction.error()));
    }
    if (auto pruned =
            run(database_, "DELETE FROM enrolments WHERE machine = ?1 OR expires <= ?2 OR issued > ?2",
                std::string_view(enrolment.machine), now_s);
        !pruned) {
        return pruned;
    }
    const auto waiting = count("SELECT count(*) FROM enrolments WHERE ? >= 0", 0);
    if (!waiting) {
        return std::unexpected(waiting.error());
    }
    if (*waiting >= max_enrolments) {
        return too_many("enrolments wait for their secret", max_enrolments);
    }
    const Keys &keys = enrolment.keys;
    if (auto put = run(database_, "INSERT INTO enrolments VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       std::string_view(enrolment.id), std::string_view(enrolment.machine),
                       ByteView(keys.ek_name), ByteView(keys.ek_public), ByteView(keys.ak_name),
                       ByteView(keys.ak_public), std::string_view(keys.vendor), ByteView(enrolment.secret),
                       enrolment.issued_s, enrolment.expires_s);
        !put) {
        return put;
    }
    return transaction->commit();
}

Result<void> Store::put(const Session &session, std::uint64_t now_s) {
    auto transaction = Transaction::begin(database_);
    if (!transaction) {
        return std::unexpected(std::move(transaction.error()));
    }
    // A question that was answered stays until the next one, to tell a replay from a stranger.
    if (auto pruned =
            run(database_, "DELETE FROM sessions WHERE machine = ?1 OR expires <= ?2 OR issued > ?2",
                std::string_view(session.machine), now_s);
        !pruned) {
        return pruned;
    }
    const auto waiting = count("SELECT count(*) FROM sessions WHERE used = 0 AND expires > ?", now_s);
    if (!waiting) {
        return std::unexpected(waiting.error());
    }
    if (*waiting >= max_sessions) {
        return too_many("questions wait for evidence", max_sessions);
    }
    if (auto put = run(database_, "INSERT INTO sessions VALUES(?, ?, ?, ?, ?, ?, 0)",
                       std::string_view(session.id), std::string_view(session.machine),
                       ByteView(session.nonce), session.pcrs, session.issued_s, session.expires_s);
        !put) {
        return put;
    }
    return transaction->commit();
}

Result<std::optional<Enrolment>> Store::enrolment(std::string_view id) {
    std::optional<Enrolment> found;
    auto read = each(
        database_,
        "SELECT id, machine, ek_name, ek_public, ak_name, ak_public, vendor, secret, issued, expires "
        "FROM enrolments WHERE id = ?",
        [&](const Statement &row) {
            found = Enrolment{.id = std::string(row.text(0)),
                              .machine = std::string(row.text(1)),
                              .keys = keys_of(row, 2),
                              .secret = bytes_of(row, 7),
                              .issued_s = row.number(8),
                              .expires_s = row.number(9)};
        },
        id);
    return read.transform([&] { return std::move(found); });
}

Result<std::optional<Session>> Store::session(std::string_view id) {
    std::optional<Session> found;
    auto read = each(
        database_, "SELECT id, machine, nonce, pcrs, issued, expires, used FROM sessions WHERE id = ?",
        [&](const Statement &row) {
            found = Session{.id = std::string(row.text(0)),
                            .machine = std::string(row.text(1)),
                            .nonce = bytes_of(row, 2),
                            .pcrs = static_cast<std::uint32_t>(row.number(3)),
                            .issued_s = row.number(4),
                            .expires_s = row.number(5),
                            .used = row.number(6) != 0};
        },
        id);
    return read.transform([&] { return std::move(found); });
}

Result<void> Store::drop_enrolment(std::string_view id) {
    return run(database_, "DELETE FROM enrolments WHERE id = ?", id);
}

Result<void> Store::pin(const Machine &machine, std::string_view enrolment) {
    auto transaction = Transaction::begin(database_);
    if (!transaction) {
        return std::unexpected(std::move(transaction.error()));
    }
    if (auto dropped = drop_enrolment(enrolment); !dropped) {
        return dropped;
    }
    const auto known = machine_count();
    if (!known) {
        return std::unexpected(known.error());
    }
    const auto there = this->machine(machine.name);
    if (!there) {
        return std::unexpected(there.error());
    }
    if (!*there && *known >= max_machines) {
        return too_many("machines are enrolled", max_machines);
    }
    // Another key's clock cannot be compared, so that the earlier quote goes.
    const Keys &keys = machine.keys;
    if (auto pinned = run(database_,
                          "INSERT INTO machines VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, NULL, NULL, 0, x'') "
                          "ON CONFLICT(name) DO UPDATE SET ek_name = ?2, ek_public = ?3, ak_name = ?4, "
                          "ak_public = ?5, vendor = ?6, enrolled = ?7, attempts = 0, quoted = x''",
                          std::string_view(machine.name), ByteView(keys.ek_name), ByteView(keys.ek_public),
                          ByteView(keys.ak_name), ByteView(keys.ak_public), std::string_view(keys.vendor),
                          machine.enrolled_s);
        !pinned) {
        return pinned;
    }
    return transaction->commit();
}

Result<void> Store::update(const Machine &machine) {
    const auto updated = run(database_, "UPDATE machines SET attempts = ?2, quoted = ?3 WHERE name = ?1",
                             std::string_view(machine.name), machine.attempts, ByteView(machine.quoted));
    if (!updated) {
        return updated;
    }
    if (machine.attested_s) {
        if (auto set = run(database_, "UPDATE machines SET attested = ?2 WHERE name = ?1",
                           std::string_view(machine.name), *machine.attested_s);
            !set) {
            return set;
        }
    }
    if (!machine.tried_s || !machine.outcome) {
        return {};
    }
    return run(database_, "UPDATE machines SET tried = ?2, outcome = ?3 WHERE name = ?1",
               std::string_view(machine.name), *machine.tried_s, static_cast<unsigned>(*machine.outcome));
}

Result<std::uint64_t> Store::add_record(std::string_view machine, const Record &record, std::size_t history) {
    if (auto put = run(database_, "INSERT INTO results VALUES(NULL, ?, ?, ?, ?, ?)", machine, record.at_s,
                       static_cast<unsigned>(record.outcome), std::string_view(record.body),
                       std::string_view(record.token));
        !put) {
        return std::unexpected(std::move(put.error()));
    }
    const auto number = count("SELECT last_insert_rowid() WHERE ? >= 0", 0);
    if (!number) {
        return number;
    }
    auto pruned = run(database_,
                      "DELETE FROM results WHERE machine = ?1 AND number <= (SELECT number FROM results "
                      "WHERE machine = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
                      machine, history);
    return pruned.transform([&] { return *number; });
}

Result<std::uint64_t> Store::conclude(std::string_view session, const Machine &machine, const Record *record,
                                      std::size_t history) {
    auto transaction = Transaction::begin(database_);
    if (!transaction) {
        return std::unexpected(std::move(transaction.error()));
    }
    if (auto used = run(database_, "UPDATE sessions SET used = 1 WHERE id = ?", session); !used) {
        return std::unexpected(std::move(used.error()));
    }
    if (auto updated = update(machine); !updated) {
        return std::unexpected(std::move(updated.error()));
    }
    std::uint64_t number = 0;
    if (record != nullptr) {
        const auto added = add_record(machine.name, *record, history);
        if (!added) {
            return added;
        }
        number = *added;
    }
    return transaction->commit().transform([&] { return number; });
}

Result<std::vector<Record>> Store::records(std::string_view machine, std::size_t limit) {
    std::vector<Record> found;
    auto read = each(
        database_,
        "SELECT number, at, outcome, body, token FROM results WHERE machine = ? ORDER BY number DESC LIMIT ?",
        [&](const Statement &row) {
            found.push_back({.number = row.number(0),
                             .at_s = row.number(1),
                             .outcome = outcome_of(row, 2),
                             .body = std::string(row.text(3)),
                             .token = std::string(row.text(4))});
        },
        machine, limit);
    return read.transform([&] { return std::move(found); });
}

Result<Store::Counts> Store::counts(std::uint64_t now_s) {
    const auto sessions = count("SELECT count(*) FROM sessions WHERE used = 0 AND expires > ?", now_s);
    const auto enrolments = count("SELECT count(*) FROM enrolments WHERE expires > ?", now_s);
    if (!sessions || !enrolments) {
        return std::unexpected(sessions ? enrolments.error() : sessions.error());
    }
    return Counts{.sessions = *sessions, .enrolments = *enrolments};
}

} // namespace dsmil::verifierd
