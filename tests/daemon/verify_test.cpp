// SPDX-License-Identifier: Apache-2.0
// What the offline verifier must notice. Each test spoils a good file in one
// way; the error's code is the contract of `dsmilctl audit verify`.
#include "ledger/export.hpp"
#include "ledger/ledger.hpp"
#include "ledger/verify.hpp"
#include "support.hpp"

#include <format>
#include <gtest/gtest.h>

namespace dsmil::ledger {
namespace {

constexpr auto origin = "test.example/log";

class Verify : public testing::Test {
  protected:
    // A closed ledger of `size` records with a checkpoint each ten and at the end.
    void make(std::uint64_t size, std::uint64_t first_value = 0,
              const std::string &name = "ledger.db") const {
        LedgerOptions options;
        options.path = directory.path(name);
        options.default_origin = origin;
        auto ledger = Ledger::open(std::move(options)).value();
        for (std::uint64_t i = 0; i < size; i++) {
            std::vector<Record> records;
            records.push_back(i % 2 == 0 ? test::ring_record(i / 2 + 1)
                                         : test::plain_record(first_value + i));
            ASSERT_TRUE(ledger.append(std::move(records)));
            if (i % 10 == 9 || i + 1 == size) {
                const Head head = ledger.head();
                ASSERT_TRUE(ledger.add_checkpoint(head.size, key.note(origin, head.size, head.root)));
            }
        }
    }

    void sql(const std::string &statements, const std::string &name = "ledger.db") const {
        auto database = Database::open(directory.path(name), Database::Mode::read_write).value();
        const auto done = database.run(statements);
        ASSERT_TRUE(done) << done.error().causes.front();
    }

    [[nodiscard]] Bytes value(const std::string &query) const {
        auto database = Database::open(directory.path("ledger.db"), Database::Mode::read_only).value();
        auto statement = database.prepare(query).value();
        EXPECT_TRUE(statement.step().value());
        const auto bytes = statement.bytes(0);
        return {bytes.begin(), bytes.end()};
    }

    [[nodiscard]] Result<VerifyReport> check(const VerifyOptions &options = {}) const {
        return verify_file(directory.path("ledger.db"), key.verifier(origin).text(), options);
    }

    void expect(Code code, const std::string &detail, const VerifyOptions &options = {}) const {
        const auto report = check(options);
        ASSERT_FALSE(report);
        EXPECT_EQ(info(report.error().code).name, info(code).name);
        ASSERT_FALSE(report.error().causes.empty());
        EXPECT_NE(report.error().causes.front().find(detail), std::string::npos)
            << report.error().causes.front();
    }

    // A tree that is right again after the records were changed, as an attacker
    // without the key would leave it.
    void rebuild_tiles() const {
        auto database = Database::open(directory.path("ledger.db"), Database::Mode::read_write).value();
        Edge edge;
        {
            auto rows = database.prepare("SELECT body FROM records ORDER BY seq").value();
            ASSERT_TRUE(database.run("DELETE FROM tiles"));
            while (rows.step().value()) {
                edge.append(leaf_hash(rows.bytes(0)), [&](unsigned level, std::uint64_t index, auto hashes) {
                    ASSERT_TRUE(write_tile(database, level, index, hashes));
                });
            }
        }
        for (unsigned level = 0; level < edge.levels().size(); level++) {
            if (!edge.levels()[level].empty()) {
                ASSERT_TRUE(
                    write_tile(database, level, partial_index(edge.size(), level), edge.levels()[level]));
            }
        }
    }

    test::TempDir directory;
    test::TestKey key;
};

TEST_F(Verify, AGoodFileIsConsistentAndItsFreshnessNotShown) {
    make(300);
    const auto report = check();
    ASSERT_TRUE(report) << report.error().causes.front();
    EXPECT_EQ(report->size, 300U);
    EXPECT_EQ(report->checkpoints, 30U);
    EXPECT_NE(report->text().find("consistent up to 300 records"), std::string::npos);
    EXPECT_NE(report->text().find("freshness not shown"), std::string::npos);
}

TEST_F(Verify, FreshnessIsAnErrorForWhoAsksForIt) {
    make(5);
    const auto report = check({.held_checkpoint = std::nullopt, .require_fresh = true});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::freshness_not_shown);
}

TEST_F(Verify, AFileThatIsNotThereCouldNotBeChecked) {
    EXPECT_EQ(check().error().code, Code::not_found);
}

TEST_F(Verify, AKeyThatIsNoneIsAUsageError) {
    make(1);
    EXPECT_EQ(verify_file(directory.path("ledger.db"), "nonsense").error().code, Code::usage);
}

TEST_F(Verify, AFileThatIsNoDatabaseCouldNotBeChecked) {
    auto file = Database::open(directory.path("ledger.db"), Database::Mode::create);
    ASSERT_TRUE(file->run("CREATE TABLE x(a)"));
    EXPECT_EQ(check().error().code, Code::failed);
}

TEST_F(Verify, AChangedRecordIsNamed) {
    make(300);
    sql("UPDATE records SET body = cast(substr(body, 1, length(body) - 1) || x'55' AS BLOB) WHERE seq = 270");
    expect(Code::tampered, "record 270: its hash is not the one in the tree");
}

TEST_F(Verify, TheFirstOfTwoChangedRecordsIsNamed) {
    make(30);
    sql("UPDATE records SET body = x'00' WHERE seq IN (7, 20)");
    expect(Code::tampered, "record 7:");
}

TEST_F(Verify, AChangedRecordUnderARehashedTreeFailsAtTheRoot) {
    make(30);
    Record other = test::plain_record(4711);
    other.sequence = 13;
    sql(std::format("UPDATE records SET body = x'{}' WHERE seq = 13", to_hex(encode(other).value())));
    rebuild_tiles();
    expect(Code::tampered, "one of the records 10 to 19 was changed");
}

TEST_F(Verify, SwappedRecordsAreNoticed) {
    make(30);
    sql("UPDATE records SET seq = -1 WHERE seq = 3; UPDATE records SET seq = 3 WHERE seq = 5;"
        "UPDATE records SET seq = 5 WHERE seq = -1");
    expect(Code::tampered, "record 3:");
}

TEST_F(Verify, ADeletedRecordIsNamed) {
    make(30);
    sql("DELETE FROM records WHERE seq = 11");
    expect(Code::tampered, "record 11 is missing");
}

TEST_F(Verify, AnInsertedRecordIsNoticed) {
    make(30);
    sql("INSERT INTO records SELECT 30, body FROM records WHERE seq = 29");
    expect(Code::tampered, "record 30:");
}

TEST_F(Verify, ACutTailIsCut) {
    make(30);
    sql("DELETE FROM records WHERE seq >= 25");
    expect(Code::cut, "there are 25 records");
}

TEST_F(Verify, ACutTailUnderARehashedTreeIsCutToo) {
    make(30);
    sql("DELETE FROM records WHERE seq >= 25");
    rebuild_tiles();
    expect(Code::cut, "covers 30");
}

TEST_F(Verify, ACleanRollbackShowsOnlyAgainstACheckpointHeldFromEarlier) {
    make(30);
    const auto newest = value("SELECT note FROM checkpoints ORDER BY size DESC");
    sql("DELETE FROM records WHERE seq >= 20; DELETE FROM checkpoints WHERE size > 20;"
        "UPDATE meta SET value = '11' WHERE name LIKE 'ring:%'");
    rebuild_tiles();
    EXPECT_TRUE(check());
    expect(Code::cut, "the held checkpoint covers 30",
           {.held_checkpoint = std::string(as_text(newest)), .require_fresh = false});
}

TEST_F(Verify, AHeldCheckpointOfAnotherKeyIsAUsageError) {
    make(5);
    const test::TestKey other;
    EXPECT_EQ(check({.held_checkpoint = other.note(origin, 5, Hash{}), .require_fresh = false})
                  .error()
                  .causes.size(),
              1U);
}

TEST_F(Verify, TwoSignedRootsOfOneSizeAreAFork) {
    make(10);
    sql(std::format("INSERT INTO checkpoints(size, note) VALUES(10, '{}')", key.note(origin, 10, Hash{})));
    expect(Code::forked, "both cover 10 records");
}

TEST_F(Verify, ASignedRootOfAnotherHistoryIsAFork) {
    make(30);
    sql(std::format("INSERT INTO checkpoints(size, note) VALUES(17, '{}')", key.note(origin, 17, Hash{})));
    expect(Code::forked, "contradicts");
}

TEST_F(Verify, AHeldCheckpointOfAnotherHistoryIsAFork) {
    make(30);
    expect(Code::forked, "the held checkpoint",
           {.held_checkpoint = key.note(origin, 12, Hash{}), .require_fresh = false});
}

TEST_F(Verify, WithoutACheckpointItIsNotSigned) {
    make(30);
    sql("DELETE FROM checkpoints");
    expect(Code::not_signed, "no checkpoint is signed");
}

TEST_F(Verify, UnderAForeignKeyItIsNotSigned) {
    make(30);
    const test::TestKey other;
    const auto report = verify_file(directory.path("ledger.db"), other.verifier(origin).text());
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::not_signed);
}

TEST_F(Verify, ATailAfterTheLastCheckpointIsNotSigned) {
    make(30);
    sql("DELETE FROM checkpoints WHERE size > 20");
    expect(Code::not_signed, "records 20 to 29");
}

TEST_F(Verify, ATamperedTailIsTamperedBeforeItIsNotSigned) {
    make(30);
    sql("DELETE FROM checkpoints WHERE size > 20; UPDATE records SET body = x'00' WHERE seq = 25");
    expect(Code::tampered, "record 25:");
}

TEST_F(Verify, AChangedTileIsTamperedThoughTheRecordsAreRight) {
    make(300);
    sql("UPDATE tiles SET hashes = cast(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE level = 0 AND idx "
        "= 1");
    expect(Code::tampered, "tile 1 of level 0: it does not have the hash of record 256, which is right");
}

TEST_F(Verify, AChangedUpperTileIsTampered) {
    make(300);
    sql("UPDATE tiles SET hashes = zeroblob(32) WHERE level = 1");
    expect(Code::tampered, "tile 0 of level 1");
}

TEST_F(Verify, AMissingOrAdditionalTileIsTampered) {
    make(300);
    sql("INSERT INTO tiles VALUES(5, 0, zeroblob(32))");
    expect(Code::tampered, "a tile too many");
    sql("DELETE FROM tiles WHERE level = 5; DELETE FROM tiles WHERE level = 1");
    expect(Code::tampered, "tile 0 of level 1");
}

TEST_F(Verify, AMalformedTileIsTampered) {
    make(30);
    sql("UPDATE tiles SET hashes = x'00'");
    expect(Code::tampered, "malformed");
}

TEST_F(Verify, AChangedPlaceInTheRingIsTampered) {
    make(30);
    sql("UPDATE meta SET value = '99' WHERE name LIKE 'ring:%'");
    expect(Code::tampered, "the places in the audit ring");
    sql("INSERT INTO meta VALUES('more', '1')");
    expect(Code::tampered, "\"more\"");
}

TEST_F(Verify, AnotherHostsFileIsNotThisHosts) {
    make(30);
    sql("UPDATE meta SET value = 'other.example/log' WHERE name = 'origin'");
    expect(Code::tampered, "it is none of this ledger");
}

TEST_F(Verify, ASignedRecordThatIsNoneIsTampered) {
    LedgerOptions options;
    options.path = directory.path("ledger.db");
    options.default_origin = origin;
    static_cast<void>(Ledger::open(std::move(options)).value());
    Edge edge;
    edge.append(leaf_hash(from_hex("00").value()), [](auto...) {});
    sql(std::format(
        "INSERT INTO records VALUES(0, x'00'); INSERT INTO checkpoints(size, note) VALUES(1, '{}')",
        key.note(origin, 1, edge.root())));
    rebuild_tiles();
    expect(Code::tampered, "record 0: not a record");
}

TEST_F(Verify, EveryFlippedBitOfARecordTileOrCheckpointIsNoticed) {
    make(3);
    for (const auto &[query, update] : {
             std::pair("SELECT body FROM records WHERE seq = 1",
                       "UPDATE records SET body = x'{}' WHERE seq = 1"),
             {"SELECT hashes FROM tiles", "UPDATE tiles SET hashes = x'{}'"},
             {"SELECT note FROM checkpoints", "UPDATE checkpoints SET note = cast(x'{}' AS TEXT)"},
         }) {
        const Bytes good = value(query);
        for (std::size_t bit = 0; bit < good.size() * 8; bit += 3) { // a third of them; each byte is met
            Bytes bad = good;
            bad[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
            const std::string hex = to_hex(bad);
            sql(std::vformat(update, std::make_format_args(hex)));
            const auto report = check();
            ASSERT_FALSE(report) << query << " bit " << bit;
            EXPECT_TRUE(report.error().code == Code::tampered || report.error().code == Code::not_signed)
                << info(report.error().code).name << " " << query << " bit " << bit;
        }
        const std::string hex = to_hex(good);
        sql(std::vformat(update, std::make_format_args(hex)));
        EXPECT_TRUE(check());
    }
}

TEST_F(Verify, ALiveFileWithoutItsWalSaysSo) {
    make(5);
    const auto report = check();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->notes.size(), 1U); // closed cleanly, but nothing in the file says so
    ASSERT_TRUE(LedgerReader::open(directory.path("ledger.db"))->copy_to(directory.path("copy.db")));
    const auto copy = verify_file(directory.path("copy.db"), key.verifier(origin).text());
    ASSERT_TRUE(copy);
    EXPECT_TRUE(copy->notes.empty());
}

} // namespace
} // namespace dsmil::ledger
