// SPDX-License-Identifier: Apache-2.0
#include "ledger/database.hpp"

#include <algorithm>
#include <cerrno>
#include <format>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dsmil::ledger {
namespace {

constexpr int busy_timeout_ms = 5'000; // a reader that recovers the WAL may hold the lock for a moment
constexpr int max_value_bytes = 1 << 20;

std::unexpected<Error> sqlite_error(sqlite3 *database, std::string what) {
    Code code = Code::failed;
    const int result = sqlite3_extended_errcode(database);
    const int number = sqlite3_system_errno(database);
    switch (result & 0xFF) {
    case SQLITE_FULL:
        code = Code::disk_full;
        break;
    case SQLITE_IOERR:
        if (number == ENOSPC || number == EDQUOT) {
            code = Code::disk_full;
        }
        break;
    case SQLITE_CORRUPT:
        code = Code::tampered;
        break;
    case SQLITE_PERM:
    case SQLITE_READONLY:
        code = Code::permission;
        break;
    case SQLITE_BUSY:
        code = Code::try_again;
        break;
    default:
        break;
    }
    return fail(code, std::move(what), {std::format("sqlite: {}", sqlite3_errmsg(database))});
}

} // namespace

void Statement::Deleter::operator()(sqlite3_stmt *statement) const {
    sqlite3_finalize(statement);
}
void Database::Deleter::operator()(sqlite3 *database) const {
    sqlite3_close_v2(database);
}

void Statement::bind(int index, std::uint64_t value) {
    sqlite3_bind_int64(statement_.get(), index, static_cast<sqlite3_int64>(value));
}

void Statement::bind(int index, ByteView value) {
    sqlite3_bind_blob64(statement_.get(), index, value.data(), value.size(), SQLITE_STATIC);
}

void Statement::bind(int index, std::string_view value) {
    sqlite3_bind_text64(statement_.get(), index, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

Result<bool> Statement::step() {
    const int result = sqlite3_step(statement_.get());
    if (result == SQLITE_ROW) {
        return true;
    }
    if (result == SQLITE_DONE) {
        sqlite3_reset(statement_.get());
        return false;
    }
    auto error = sqlite_error(sqlite3_db_handle(statement_.get()), sqlite3_sql(statement_.get()));
    sqlite3_reset(statement_.get());
    return error;
}

Result<void> Statement::run() {
    auto row = step();
    if (!row) {
        return std::unexpected(std::move(row.error()));
    }
    reset();
    return {};
}

void Statement::reset() {
    sqlite3_reset(statement_.get());
}

std::uint64_t Statement::number(int column) const {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

bool Statement::is_number(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_INTEGER &&
           sqlite3_column_int64(statement_.get(), column) >= 0;
}

bool Statement::is_blob(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_BLOB;
}

bool Statement::is_text(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_TEXT;
}

ByteView Statement::bytes(int column) const {
    const auto *data = static_cast<const std::uint8_t *>(sqlite3_column_blob(statement_.get(), column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::string_view Statement::text(int column) const {
    const auto *data = reinterpret_cast<const char *>(sqlite3_column_text(statement_.get(), column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Result<Database> Database::open(const std::string &path, Mode mode) {
    // sqlite says "unable to open" for everything; the kernel knows better.
    if (mode != Mode::create && ::access(path.c_str(), mode == Mode::read_only ? R_OK : R_OK | W_OK) != 0) {
        const Code code = errno == ENOENT   ? Code::not_found
                          : errno == EACCES ? Code::permission
                                            : Code::failed;
        return fail_errno(code, std::format("opening {}", path), errno);
    }
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
        return fail(Code::failed, std::format("opening {}", path), {"it is no regular file"});
    }
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    flags |= mode == Mode::create ? SQLITE_OPEN_CREATE : 0;
    sqlite3 *handle = nullptr;
    const int result = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
    Database database(handle);
    if (result != SQLITE_OK) {
        return sqlite_error(handle, std::format("opening {}", path));
    }
    sqlite3_busy_timeout(handle, busy_timeout_ms);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, max_value_bytes);
    if (auto set = database.run("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0"); !set) {
        return std::unexpected(std::move(set.error()).in(std::format("opening {}", path)));
    }
    return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt *statement = nullptr;
    if (sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr) !=
        SQLITE_OK) {
        return sqlite_error(database_.get(), std::string(sql));
    }
    return Statement(statement);
}

Result<void> Database::run(std::string_view sql) {
    if (sqlite3_exec(database_.get(), std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        return sqlite_error(database_.get(), std::string(sql));
    }
    return {};
}

Result<std::uint64_t> Database::number(std::string_view sql) {
    auto statement = prepare(sql);
    if (!statement) {
        return std::unexpected(std::move(statement.error()));
    }
    const auto row = statement->step();
    if (!row) {
        return std::unexpected(row.error());
    }
    return *row ? statement->number(0) : 0;
}

void Database::keep_wal(bool on) {
    int persist = on ? 1 : 0;
    sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, persist, nullptr);
    sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
}

Result<void> Database::limit_bytes(std::uint64_t bytes) {
    const auto page_size = number("PRAGMA page_size");
    if (!page_size) {
        return std::unexpected(page_size.error());
    }
    constexpr std::uint64_t most_pages = 4'294'967'294; // sqlite's own limit
    const std::uint64_t pages = bytes == 0 ? most_pages : std::max<std::uint64_t>(1, bytes / *page_size);
    return run(std::format("PRAGMA max_page_count = {}", pages));
}

Result<Transaction> Transaction::begin(Database &database) {
    if (auto begun = database.run("BEGIN IMMEDIATE"); !begun) {
        return std::unexpected(std::move(begun.error()));
    }
    return Transaction(&database);
}

Transaction::~Transaction() {
    if (database_ != nullptr) {
        // sqlite has rolled back already after some errors; then this one fails, and that is well.
        [[maybe_unused]] const auto ended = database_->run("ROLLBACK");
    }
}

Result<void> Transaction::commit() {
    auto committed = database_->run("COMMIT");
    if (committed) {
        database_ = nullptr;
    }
    return committed;
}

} // namespace dsmil::ledger
