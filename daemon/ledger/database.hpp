// SPDX-License-Identifier: Apache-2.0
// sqlite with one owner and errors as values. An object belongs to one thread
// at a time.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace dsmil::ledger {

class Database;

// A prepared statement. Must not outlive its database.
class Statement {
  public:
    // From 1, as in SQL. The bytes must live until the next step() has returned.
    void bind(int index, std::uint64_t value);
    void bind(int index, ByteView value);
    void bind(int index, std::string_view value);

    // True when there is a row. At the end, or after an error, it is reset.
    [[nodiscard]] Result<bool> step();
    // step() for a statement without rows.
    [[nodiscard]] Result<void> run();
    void reset();

    // Of the row, columns from 0; valid until the next step() or reset().
    [[nodiscard]] std::uint64_t number(int column) const; // of a value >= 0; negative ones wrap
    [[nodiscard]] bool is_number(int column) const;
    [[nodiscard]] bool is_blob(int column) const;
    [[nodiscard]] bool is_text(int column) const;
    [[nodiscard]] ByteView bytes(int column) const;
    [[nodiscard]] std::string_view text(int column) const;

  private:
    friend class Database;
    struct Deleter {
        void operator()(sqlite3_stmt *statement) const;
    };
    explicit Statement(sqlite3_stmt *statement) : statement_(statement) {}
    std::unique_ptr<sqlite3_stmt, Deleter> statement_;
};

class Database {
  public:
    enum class Mode : std::uint8_t { read_only, read_write, create };
    // not_found, permission, failed (not a database). Nothing in the file can
    // make sqlite run code or change what it reads: defensive, no trusted schema.
    [[nodiscard]] static Result<Database> open(const std::string &path, Mode mode);

    [[nodiscard]] Result<Statement> prepare(std::string_view sql);
    [[nodiscard]] Result<void> run(std::string_view sql); // one statement or several, rows ignored
    // The first column of the first row; 0 when there is no row.
    [[nodiscard]] Result<std::uint64_t> number(std::string_view sql);

    // While it is on, closing leaves a write-ahead log as it is, so that what was only looked at
    // keeps its bytes.
    void keep_wal(bool on);

    // The file may not grow beyond this many bytes (disk_full then); 0 lifts the limit.
    [[nodiscard]] Result<void> limit_bytes(std::uint64_t bytes);

  private:
    struct Deleter {
        void operator()(sqlite3 *database) const;
    };
    explicit Database(sqlite3 *database) : database_(database) {}
    std::unique_ptr<sqlite3, Deleter> database_;
};

// Ends with ROLLBACK unless commit() succeeded.
class Transaction {
  public:
    [[nodiscard]] static Result<Transaction> begin(Database &database);
    Transaction(Transaction &&other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
    Transaction &operator=(Transaction &&) = delete;
    ~Transaction();
    [[nodiscard]] Result<void> commit();

  private:
    explicit Transaction(Database *database) : database_(database) {}
    Database *database_;
};

} // namespace dsmil::ledger
