// SPDX-License-Identifier: Apache-2.0
// What the daemon notices at start, and what it makes of older files.
#include "ledger/ledger.hpp"
#include "ledger/start_check.hpp"
#include "support.hpp"

#include <array>
#include <gtest/gtest.h>

namespace dsmil::ledger {
namespace {

// 600 records, of which the start looks at those from 256 on, with a checkpoint
// of 100 and one of 580.
class StartCheck : public testing::Test {
  protected:
    void SetUp() override {
        auto ledger = Ledger::open(options()).value();
        for (std::uint64_t i = 1; i <= 600; i++) {
            std::vector<Record> record;
            record.push_back(test::ring_record(i));
            ASSERT_TRUE(ledger.append(std::move(record)));
            if (i == 100 || i == 580) {
                const Head head = ledger.head();
                ASSERT_TRUE(
                    ledger.add_checkpoint(head.size, key.note(ledger.origin(), head.size, head.root)));
            }
        }
    }
    [[nodiscard]] Result<StartReport> check_after(std::string_view sql) const {
        auto database = Database::open(options().path, Database::Mode::read_write).value();
        EXPECT_TRUE(database.run(sql));
        return check_at_start(database, 300);
    }
    [[nodiscard]] LedgerOptions options() const {
        LedgerOptions options;
        options.path = directory.path("ledger.db");
        options.default_origin = "test.example/log";
        return options;
    }
    test::TempDir directory;
    test::TestKey key;
};

TEST_F(StartCheck, TakesAGoodFile) {
    const auto report = check_after("");
    ASSERT_TRUE(report);
    EXPECT_EQ(report->size, 600U);
    EXPECT_EQ(report->last_note_size, 580U);
    EXPECT_EQ(report->format, file_format);
}

TEST_F(StartCheck, NamesAChangedRecord) {
    const auto report = check_after("UPDATE records SET body = x'00' WHERE seq = 590");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::tampered);
    EXPECT_EQ(report.error().detail, "record 590: its hash is not the one in the tree");
}

TEST_F(StartCheck, NoticesATreeThatWasMadeForOtherRecords) {
    // Both of them fit each other, and not the checkpoint.
    const auto report = check_after(
        "UPDATE records SET body = (SELECT body FROM records WHERE seq = 400) WHERE seq = 401;"
        "UPDATE tiles SET hashes = CAST(substr(hashes, 1, 145 * 32) || substr(hashes, 144 * 32 + 1, 32) || "
        "substr(hashes, 146 * 32 + 1) AS BLOB) WHERE level = 0 AND idx = 1");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::tampered);
}

TEST_F(StartCheck, NoticesACutTail) {
    EXPECT_EQ(check_after("DELETE FROM records WHERE seq >= 590").error().code, Code::cut);
    EXPECT_EQ(check_after("DELETE FROM records WHERE seq >= 570").error().code, Code::cut);
}

TEST_F(StartCheck, NoticesAHole) {
    const auto report = check_after("DELETE FROM records WHERE seq = 300");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().detail, "record 300 is missing");
}

TEST_F(StartCheck, HoldsAnOldLastCheckpointAgainstTheTree) {
    const auto report = check_after("DELETE FROM checkpoints WHERE size = 580;"
                                    "UPDATE tiles SET hashes = zeroblob(8192) WHERE level = 0 AND idx = 0");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::tampered);
}

TEST_F(StartCheck, NoticesAChangedPlaceInTheRing) {
    EXPECT_EQ(check_after("UPDATE meta SET value = '7' WHERE name <> 'origin'").error().code, Code::tampered);
}

TEST_F(StartCheck, NoticesACheckpointThatIsNone) {
    EXPECT_EQ(check_after("UPDATE checkpoints SET note = 'x' WHERE size = 580").error().code, Code::tampered);
    EXPECT_EQ(check_after("DELETE FROM checkpoints WHERE size = 580; UPDATE checkpoints SET size = 101")
                  .error()
                  .code,
              Code::tampered);
}

TEST_F(StartCheck, AFileOfTheFirstFormatIsUpgradedAndLosesNothing) {
    const auto rows = [this] {
        auto database = Database::open(options().path, Database::Mode::read_only).value();
        return std::array{database.number("SELECT count(*) FROM records").value(),
                          database.number("SELECT sum(length(hashes)) FROM tiles").value(),
                          database.number("SELECT count(*) FROM checkpoints").value(),
                          database.number("SELECT count(*) FROM meta").value()};
    };
    const auto before = rows();
    ASSERT_TRUE(check_after("DROP TABLE quotes; DROP TABLE anchors; PRAGMA user_version = 1"));
    EXPECT_EQ(Ledger::open(options()).value().head().size, 600U);
    EXPECT_EQ(rows(), before);
    const auto report = check_after("");
    ASSERT_TRUE(report);
    EXPECT_EQ(report->format, file_format);
}

TEST_F(StartCheck, AFileOfAnotherFormatIsNotTouched) {
    for (const char *format : {"PRAGMA user_version = 0", "PRAGMA user_version = 3"}) {
        EXPECT_EQ(check_after(format).error().code, Code::failed);
        EXPECT_EQ(Ledger::open(options()).error().code, Code::failed);
    }
}

TEST_F(StartCheck, AFileOfTheFirstFormatWithATableOfTheSecondIsTampered) {
    EXPECT_EQ(check_after("DROP TABLE quotes; PRAGMA user_version = 1").error().code, Code::tampered);
}

} // namespace
} // namespace dsmil::ledger
