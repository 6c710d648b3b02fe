// SPDX-License-Identifier: Apache-2.0
// Which records retention lets go, and that what is left verifies; a record that is
// missing without its word is tampering.
#include "ledger/export.hpp"
#include "ledger/ledger.hpp"
#include "ledger/tiles.hpp"
#include "ledger/verify.hpp"
#include "support.hpp"

#include <filesystem>
#include <format>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <optional>
#include <stdexcept>

namespace dsmil::ledger {
namespace {

constexpr auto origin = "test.example/log";

class RetentionTest : public testing::Test {
  protected:
    void SetUp() override { open(); }

    void open() {
        LedgerOptions options;
        options.path = directory.path("ledger.db");
        options.default_origin = origin;
        auto opened = Ledger::open(std::move(options));
        ASSERT_TRUE(opened) << opened.error().detail;
        ledger.emplace(std::move(*opened));
    }
    // Records whose time is their number; the even ones come from a ring.
    void append(std::uint64_t count) {
        std::vector<Record> records;
        for (std::uint64_t i = 0; i < count; i++, number++) {
            records.push_back(number % 2 == 0 ? test::ring_record(number / 2 + 1)
                                              : test::plain_record(number));
            records.back().realtime_ns = number;
        }
        ASSERT_TRUE(ledger->append(std::move(records), Durability::process));
    }
    void sign() {
        const Head head = ledger->head();
        ASSERT_TRUE(ledger->add_checkpoint(head.size, key.note(origin, head.size, head.root)));
    }
    Pruned prune(const Retention &policy) {
        Record record = test::plain_record(number);
        record.action = pruned_action;
        record.values.clear();
        const auto pruned = ledger->prune(policy, std::move(record));
        EXPECT_TRUE(pruned) << pruned.error().detail;
        return pruned.value_or(Pruned{});
    }
    void sql(const std::string &statements) {
        ledger.reset();
        auto database = Database::open(directory.path("ledger.db"), Database::Mode::read_write).value();
        ASSERT_TRUE(database.run(statements));
    }
    Result<VerifyReport> check(const std::string &name = "ledger.db") {
        ledger.reset();
        return verify_file(directory.path(name), key.verifier(origin).text());
    }
    void expect_tampered(const std::string &statements, const std::string &detail) {
        const auto good = directory.path("good.db");
        ledger.reset();
        std::filesystem::copy_file(directory.path("ledger.db"), good,
                                   std::filesystem::copy_options::overwrite_existing);
        sql(statements);
        const auto report = check();
        ASSERT_FALSE(report) << statements;
        EXPECT_EQ(report.error().code, Code::tampered) << statements;
        EXPECT_NE(report.error().causes.front().find(detail), std::string::npos)
            << report.error().causes.front();
        LedgerOptions options;
        options.path = directory.path("ledger.db");
        EXPECT_FALSE(Ledger::open(std::move(options))) << statements;
        std::filesystem::copy_file(good, directory.path("ledger.db"),
                                   std::filesystem::copy_options::overwrite_existing);
    }

    test::TempDir directory;
    test::TestKey key;
    std::optional<Ledger> ledger;
    std::uint64_t number = 0;
};

TEST_F(RetentionTest, NothingGoesThatNoCheckpointCovers) {
    append(1'000);
    EXPECT_EQ(prune({.before_ns = 900, .keep_records = 0}).first, 0U);
    EXPECT_EQ(ledger->head().size, 1'000U); // and there is no record of nothing
    sign();
    append(1'000);
    EXPECT_EQ(prune({.before_ns = {}, .keep_records = 0}).first, 768U);
}

TEST_F(RetentionTest, ABundleGoesWhenAllOfItIsOld) {
    append(1'000);
    sign();
    EXPECT_EQ(prune({.before_ns = 255, .keep_records = {}}).first, 0U);
    EXPECT_EQ(prune({.before_ns = 256, .keep_records = {}}).first, 256U);
    EXPECT_EQ(prune({.before_ns = 767, .keep_records = {}}).first, 512U);
    EXPECT_EQ(ledger->first(), 512U);
}

TEST_F(RetentionTest, AClockThatWentBackKeepsWhatComesAfterAYoungRecord) {
    number = 10'000;
    append(1);
    number = 1;
    append(999);
    sign();
    EXPECT_EQ(prune({.before_ns = 5'000, .keep_records = {}}).first, 0U);
}

TEST_F(RetentionTest, TheNewestAreKeptInWholeBundles) {
    append(1'000);
    sign();
    EXPECT_EQ(prune({.before_ns = {}, .keep_records = 1'000}).first, 0U);
    EXPECT_EQ(prune({.before_ns = {}, .keep_records = 745}).first, 0U);
    const auto pruned = prune({.before_ns = {}, .keep_records = 744});
    EXPECT_EQ(pruned.from, 0U);
    EXPECT_EQ(pruned.first, 256U);
    EXPECT_FALSE(pruned.more);
}

TEST_F(RetentionTest, AtMostSoManyBundlesGoAtOnce) {
    append((max_pruned_bundles + 2) * 256);
    sign();
    const auto first = prune({.before_ns = {}, .keep_records = 10});
    EXPECT_EQ(first.first, max_pruned_bundles * 256);
    EXPECT_TRUE(first.more);
    const auto second = prune({.before_ns = {}, .keep_records = 10});
    EXPECT_EQ(second.first, (max_pruned_bundles + 1) * 256);
    EXPECT_FALSE(second.more);
}

TEST_F(RetentionTest, WhatIsLeftVerifiesAndGoesOn) {
    append(1'000);
    sign();
    append(600);
    sign();
    EXPECT_EQ(prune({.before_ns = 700, .keep_records = {}}).first, 512U);
    EXPECT_EQ(check().error().code, Code::not_signed); // the record of it
    open();
    sign();
    auto report = check();
    ASSERT_TRUE(report) << report.error().causes.front();
    EXPECT_EQ(report->size, 1'601U);
    ASSERT_FALSE(report->notes.empty());
    EXPECT_NE(report->notes.front().find("0 to 511 were pruned"), std::string::npos);
    open();
    append(500);
    sign();
    EXPECT_EQ(prune({.before_ns = {}, .keep_records = 600}).first, 1'280U);
    sign();
    report = check();
    ASSERT_TRUE(report) << report.error().causes.front();
    EXPECT_EQ(report->checkpoints, 5U);
}

TEST_F(RetentionTest, WhatWentIsNotOnThePagesAnyMore) {
    Record record = test::plain_record(0);
    record.context = {{"secret", std::string("correct horse battery staple")}};
    std::vector<Record> records;
    records.push_back(std::move(record));
    ASSERT_TRUE(ledger->append(std::move(records)));
    append(600);
    sign();
    EXPECT_EQ(prune({.before_ns = {}, .keep_records = 100}).first, 256U);
    sql("PRAGMA wal_checkpoint(TRUNCATE)");
    std::ifstream file(directory.path("ledger.db"), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    EXPECT_TRUE(bytes.find("battery staple") == std::string::npos);
}

TEST_F(RetentionTest, RecordsThatAreMissingWithoutItsWordAreTampering) {
    append(1'000);
    sign();
    prune({.before_ns = {}, .keep_records = 600});
    sign();
    expect_tampered("DELETE FROM records WHERE seq < 512", "record 256 is missing");
    expect_tampered("DELETE FROM records WHERE seq < 512; UPDATE meta SET value = '512' WHERE name = 'first'",
                    "no record tells that they were pruned");
    expect_tampered("UPDATE meta SET value = '0' WHERE name = 'first'", "first");
    expect_tampered("UPDATE meta SET value = '257' WHERE name = 'first'", "first");
    expect_tampered("UPDATE meta SET value = '10240' WHERE name = 'first'", "");
    expect_tampered("DELETE FROM meta WHERE name = 'first'", "record 0 is missing");
    expect_tampered("INSERT INTO records VALUES(7, x'a0')", "record 7 is there although it was pruned");
    EXPECT_TRUE(check());
}

TEST_F(RetentionTest, TheHashesOfWhatWentAreStillChecked) {
    append(1'000);
    sign();
    prune({.before_ns = {}, .keep_records = 400});
    sign();
    expect_tampered("UPDATE tiles SET hashes = zeroblob(8192) WHERE level = 0 AND idx = 0", "");
    expect_tampered("UPDATE tiles SET hashes = zeroblob(64) WHERE level = 0 AND idx = 0", "");
    expect_tampered("DELETE FROM tiles WHERE level = 0 AND idx = 1", "");
    EXPECT_TRUE(check());
}

TEST_F(RetentionTest, ThePlacesInRingsWhoseRecordsWentAreStillChecked) {
    append(100);
    for (int i = 0; i < 9; i++) { // from here on nothing of the ring
        std::vector<Record> records;
        for (int j = 0; j < 100; j++) {
            records.push_back(test::plain_record(number++));
        }
        ASSERT_TRUE(ledger->append(std::move(records)));
    }
    sign();
    EXPECT_EQ(prune({.before_ns = {}, .keep_records = 300}).first, 512U);
    sign();
    EXPECT_TRUE(check());
    expect_tampered("UPDATE meta SET value = '77' WHERE name LIKE 'ring:%'", "places in the audit ring");
    expect_tampered("DELETE FROM meta WHERE name LIKE 'ring:%'", "places in the audit ring");
}

TEST_F(RetentionTest, WhatOthersCallPrunedDoesNotCount) {
    append(600);
    Record record = test::plain_record(number);
    record.source = "audit";
    record.action = pruned_action;
    record.values = {{"first", std::uint64_t{256}}, {"rings", Bytes{}}};
    std::vector<Record> records;
    records.push_back(std::move(record));
    ASSERT_TRUE(ledger->append(std::move(records)));
    sign();
    EXPECT_TRUE(check());
    expect_tampered("DELETE FROM records WHERE seq < 256; INSERT INTO meta VALUES('first', '256')",
                    "no record tells");
}

TEST_F(RetentionTest, AFolderOfTilesLacksTheBundlesAndVerifies) {
    append(1'000);
    sign();
    prune({.before_ns = {}, .keep_records = 400});
    EXPECT_EQ(write_tiles(directory.path("ledger.db"), directory.path("log")).error().code, Code::not_signed);
    sign();
    const auto written = write_tiles(directory.path("ledger.db"), directory.path("log"));
    ASSERT_TRUE(written) << written.error().causes.front();
    EXPECT_TRUE(std::filesystem::exists(directory.path("log/tile/0/000")));
    EXPECT_FALSE(std::filesystem::exists(directory.path("log/tile/entries/001")));
    EXPECT_TRUE(std::filesystem::exists(directory.path("log/tile/entries/002")));
    const auto report = check("log");
    ASSERT_TRUE(report) << report.error().causes.front();
    std::filesystem::remove(directory.path("log/tile/entries/002"));
    EXPECT_EQ(check("log").error().code, Code::tampered);
}

TEST_F(RetentionTest, ACrashLeavesAllOrNothingOfIt) {
    for (const auto *step : {"begun", "inserted", "committing"}) {
        const test::TempDir place;
        LedgerOptions options;
        options.path = place.path("ledger.db");
        options.default_origin = origin;
        bool armed = false;
        options.on_step = [&](std::string_view at) {
            if (armed && at == step) {
                throw std::runtime_error("the power fails");
            }
        };
        auto made = Ledger::open(options).value();
        std::vector<Record> records;
        for (std::uint64_t i = 0; i < 600; i++) {
            records.push_back(test::plain_record(i));
        }
        ASSERT_TRUE(made.append(std::move(records)));
        const Head head = made.head();
        ASSERT_TRUE(made.add_checkpoint(head.size, key.note(origin, head.size, head.root)));
        armed = true;
        Record record = test::plain_record(600);
        record.action = pruned_action;
        record.values.clear();
        EXPECT_THROW(static_cast<void>(made.prune({.before_ns = {}, .keep_records = 100}, record)),
                     std::runtime_error);
        const auto report = verify_file(options.path, key.verifier(origin).text());
        ASSERT_TRUE(report) << step << report.error().causes.front();
        EXPECT_EQ(report->size, 600U);
    }
}

} // namespace
} // namespace dsmil::ledger
