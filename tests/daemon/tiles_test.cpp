// SPDX-License-Identifier: Apache-2.0
// A ledger as a folder of C2SP tlog-tiles.
#include "base/file.hpp"
#include "ledger/ledger.hpp"
#include "ledger/tiles.hpp"
#include "ledger/verify.hpp"
#include "support.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <set>
#include <sys/stat.h>

namespace dsmil::ledger {
namespace {

class Tiles : public testing::Test {
  protected:
    // `size` records, signed at `signed_at` and not beyond.
    void make(std::uint64_t size, std::uint64_t signed_at) {
        LedgerOptions options;
        options.path = directory.path("ledger.db");
        options.default_origin = "test.example/log";
        auto ledger = Ledger::open(std::move(options)).value();
        for (std::uint64_t i = 0; i < size; i++) {
            std::vector<Record> record;
            record.push_back(test::plain_record(i));
            ASSERT_TRUE(ledger.append(std::move(record)));
            if (i + 1 == signed_at) {
                const Head head = ledger.head();
                note = key.note(ledger.origin(), head.size, head.root);
                root = head.root;
                ASSERT_TRUE(ledger.add_checkpoint(head.size, note));
            }
        }
    }
    [[nodiscard]] Result<TilesReport> write() const {
        return write_tiles(directory.path("ledger.db"), directory.path("log"));
    }
    [[nodiscard]] std::string content(const std::string &name) const {
        return read_file(directory.path("log/" + name), 1 << 20).value();
    }
    [[nodiscard]] std::set<std::string> names() const {
        std::set<std::string> found;
        const std::filesystem::path log = directory.path("log");
        for (const auto &entry : std::filesystem::recursive_directory_iterator(log)) {
            if (entry.is_regular_file()) {
                found.insert(std::filesystem::relative(entry.path(), log).string());
            }
        }
        return found;
    }
    void sql(const std::string &statements) const {
        auto database = Database::open(directory.path("ledger.db"), Database::Mode::read_write).value();
        ASSERT_TRUE(database.run(statements));
    }
    test::TempDir directory;
    test::TestKey key;
    std::string note;
    Hash root{};
};

TEST_F(Tiles, ALedgerWithoutACheckpointHasNoFolder) {
    make(3, 0);
    EXPECT_EQ(write().error().code, Code::not_signed);
    EXPECT_FALSE(std::filesystem::exists(directory.path("log")));
    for (const auto &entry : std::filesystem::directory_iterator(directory.path("."))) {
        EXPECT_TRUE(entry.path().filename().string().starts_with("ledger.db")) << entry.path();
    }
}

TEST_F(Tiles, AFolderWithSomethingInItIsLeftAlone) {
    make(3, 3);
    std::filesystem::create_directories(directory.path("log/mine"));
    EXPECT_EQ(write().error().code, Code::exists);
    EXPECT_TRUE(names().empty());
}

TEST_F(Tiles, ATreeThatIsNotTheSignedOneIsNotWritten) {
    make(300, 300);
    sql("UPDATE tiles SET hashes = zeroblob(8192) WHERE level = 0 AND idx = 0");
    EXPECT_TRUE(write()); // what the root does not need is for the verifier to see
    std::filesystem::remove_all(directory.path("log"));
    sql("UPDATE tiles SET hashes = zeroblob(32) WHERE level = 1");
    EXPECT_EQ(write().error().code, Code::tampered);
    EXPECT_FALSE(std::filesystem::exists(directory.path("log")));
}

TEST_F(Tiles, AMissingRecordIsNotPassedOver) {
    make(300, 300);
    sql("DELETE FROM records WHERE seq = 7");
    const auto written = write();
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, Code::tampered);
}

TEST_F(Tiles, TheFolderIsThatOfTheNewestCheckpoint) {
    make(600, 580);
    std::filesystem::create_directories(directory.path("log")); // an empty one does not matter
    const auto report = write();
    ASSERT_TRUE(report) << report.error().detail;
    EXPECT_EQ(report->size, 580U);
    EXPECT_EQ(names(), (std::set<std::string>{"checkpoint", "tile/0/000", "tile/0/001", "tile/0/002.p/68",
                                              "tile/1/000.p/2", "tile/entries/000", "tile/entries/001",
                                              "tile/entries/002.p/68"}));
    EXPECT_EQ(report->files, names().size());
    EXPECT_EQ(content("checkpoint"), note);
    EXPECT_EQ(content("tile/0/001").size(), 8'192U);
    EXPECT_EQ(content("tile/1/000.p/2").size(), 64U);
}

// The root of the signed checkpoint comes out of the bundles alone, and out of the tiles.
TEST_F(Tiles, BundlesAndTilesGiveTheSignedRoot) {
    make(600, 580);
    ASSERT_TRUE(write());
    Edge edge;
    std::string leaves;
    for (const char *name : {"tile/entries/000", "tile/entries/001", "tile/entries/002.p/68"}) {
        const std::string bundle = content(name);
        ByteView rest = as_bytes(bundle);
        while (!rest.empty()) {
            ASSERT_GE(rest.size(), 2U);
            const std::size_t length = rest[0] * 256U + rest[1];
            ASSERT_LE(length, rest.size() - 2);
            const Hash leaf = leaf_hash(rest.subspan(2, length));
            leaves += as_text(leaf);
            edge.append(leaf, [](auto...) {});
            rest = rest.subspan(2 + length);
        }
    }
    EXPECT_EQ(edge.size(), 580U);
    EXPECT_EQ(edge.root(), root);
    EXPECT_EQ(content("tile/0/000") + content("tile/0/001") + content("tile/0/002.p/68"), leaves);
}

TEST_F(Tiles, OthersCannotReadTheFolder) {
    make(1, 1);
    ASSERT_TRUE(write());
    struct stat status{};
    ASSERT_EQ(::stat(directory.path("log").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07U, 0U);
}

class TilesUpdate : public Tiles {
  protected:
    // More records, and a checkpoint of all of them.
    void grow(std::uint64_t count) {
        LedgerOptions options;
        options.path = directory.path("ledger.db");
        options.default_origin = "test.example/log";
        auto ledger = Ledger::open(std::move(options)).value();
        std::vector<Record> records;
        for (std::uint64_t i = 0; i < count; i++) {
            records.push_back(test::plain_record(i));
        }
        ASSERT_TRUE(ledger.append(std::move(records)));
        const Head head = ledger.head();
        ASSERT_TRUE(ledger.add_checkpoint(head.size, key.note(ledger.origin(), head.size, head.root)));
    }
    [[nodiscard]] Result<TilesReport> update() const {
        return update_tiles(directory.path("ledger.db"), directory.path("log"));
    }
    [[nodiscard]] Result<VerifyReport> check() const {
        return verify_file(directory.path("log"), key.verifier("test.example/log").text());
    }
};

TEST_F(TilesUpdate, TheFolderFollowsTheLedgerAndIsWholeAtEachStep) {
    std::uint64_t size = 0;
    for (const std::uint64_t more : {1U, 254U, 1U, 1U, 300U, 1'000U}) {
        grow(more);
        size += more;
        const auto report = update();
        ASSERT_TRUE(report) << report.error().causes.front();
        EXPECT_EQ(report->size, size);
        const auto verified = check();
        ASSERT_TRUE(verified) << size << ": " << verified.error().causes.front();
        EXPECT_EQ(verified->size, size);
    }
    EXPECT_FALSE(std::filesystem::exists(directory.path("log/tile/0/000.p")));
    EXPECT_FALSE(std::filesystem::exists(directory.path("log/tile/entries/001.p")));
    const auto again = update();
    ASSERT_TRUE(again);
    EXPECT_LE(again->files, 5U); // the right edge
}

TEST_F(TilesUpdate, WhatACrashLeftIsTakenUpAgain) {
    grow(600);
    ASSERT_TRUE(update());
    grow(600);
    ASSERT_TRUE(update());
    grow(1'000);
    // Tiles of a checkpoint that was never written, and a file that was not renamed.
    std::filesystem::create_directories(directory.path("log/tile/0/004.p"));
    ASSERT_TRUE(write_file(directory.path("log/tile/0/005"), as_bytes("half"), 0640));
    ASSERT_TRUE(write_file(directory.path("log/checkpoint.new"), as_bytes("half"), 0640));
    ASSERT_TRUE(update());
    const auto verified = check();
    ASSERT_TRUE(verified) << verified.error().causes.front();
    EXPECT_EQ(verified->size, 2'200U);
}

TEST_F(TilesUpdate, AFolderOfAnotherLogIsLeftAlone) {
    grow(10);
    std::filesystem::create_directories(directory.path("log"));
    const auto other = key.note("other.example/log", 5, Hash{});
    ASSERT_TRUE(write_file(directory.path("log/checkpoint"), as_bytes(other), 0640));
    EXPECT_EQ(update().error().code, Code::conflict);
    EXPECT_EQ(content("checkpoint"), other);
}

TEST_F(TilesUpdate, ALedgerThatWentBackDoesNotGoOn) {
    grow(10);
    ASSERT_TRUE(update());
    const auto kept = content("checkpoint");
    sql("UPDATE checkpoints SET note = '" + key.note("test.example/log", 5, Hash{}) + "'");
    EXPECT_FALSE(update());
    std::filesystem::remove(directory.path("ledger.db"));
    grow(9);
    EXPECT_EQ(update().error().code, Code::cut);
    grow(9);
    sql("UPDATE tiles SET hashes = zeroblob(length(hashes)) WHERE level = 0");
    EXPECT_EQ(update().error().code, Code::tampered);
    EXPECT_EQ(content("checkpoint"), kept);
}

TEST_F(TilesUpdate, BundlesThatWerePrunedStayInTheFolder) {
    grow(600);
    ASSERT_TRUE(update());
    {
        LedgerOptions options;
        options.path = directory.path("ledger.db");
        auto ledger = Ledger::open(std::move(options)).value();
        Record record = test::plain_record(0);
        record.action = pruned_action;
        record.values.clear();
        ASSERT_EQ(ledger.prune({.before_ns = {}, .keep_records = 50}, std::move(record))->first, 512U);
    }
    grow(300);
    const auto report = update();
    ASSERT_TRUE(report) << report.error().causes.front();
    EXPECT_TRUE(std::filesystem::exists(directory.path("log/tile/entries/000")));
    EXPECT_TRUE(check());
}

} // namespace
} // namespace dsmil::ledger
