// SPDX-License-Identifier: Apache-2.0
#include "ledger/export.hpp"
#include "ledger/ledger.hpp"
#include "ledger/verify.hpp"
#include "published.hpp"
#include "support.hpp"

#include <array>
#include <csignal>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dsmil::ledger {
namespace {

using test::plain_record;
using test::ring_record;

class LedgerTest : public testing::Test {
  protected:
    [[nodiscard]] LedgerOptions options() const {
        LedgerOptions options;
        options.path = directory.path("ledger.db");
        options.default_origin = "test.example/log";
        return options;
    }
    [[nodiscard]] Ledger open() const {
        auto ledger = Ledger::open(options());
        EXPECT_TRUE(ledger) << ledger.error().detail << ledger.error().causes.front();
        return std::move(*ledger);
    }
    [[nodiscard]] std::vector<Record> records() const {
        return LedgerReader::open(options().path)->records(0, 1'000'000).value();
    }
    test::TempDir directory;
};

std::vector<Record> one(Record record) {
    std::vector<Record> records;
    records.push_back(std::move(record));
    return records;
}

TEST_F(LedgerTest, CannotBeMadeWhereThereIsNoDirectory) {
    auto missing = options();
    missing.path = directory.path("none/ledger.db");
    EXPECT_FALSE(Ledger::open(missing));
}

TEST_F(LedgerTest, IsNotMadeWithAnOriginThatCannotBeSpelled) {
    auto bad = options();
    bad.origin = "with space";
    EXPECT_EQ(Ledger::open(bad).error().code, Code::config_invalid);
}

TEST_F(LedgerTest, KeepsItsOrigin) {
    static_cast<void>(open());
    auto other = options();
    other.origin = "another/log";
    EXPECT_EQ(Ledger::open(other).error().code, Code::config_invalid);
    EXPECT_EQ(open().origin(), "test.example/log");
}

TEST_F(LedgerTest, RefusesAFileThatIsNoLedger) {
    {
        auto database = Database::open(options().path, Database::Mode::create);
        ASSERT_TRUE(database->run("CREATE TABLE records(a)"));
    }
    EXPECT_EQ(Ledger::open(options()).error().code, Code::failed);
}

TEST_F(LedgerTest, RefusesAFileWithATriggerMore) {
    static_cast<void>(open());
    {
        auto database = Database::open(options().path, Database::Mode::read_write);
        ASSERT_TRUE(database->run("CREATE TRIGGER t AFTER INSERT ON records BEGIN DELETE FROM tiles; END"));
    }
    EXPECT_EQ(Ledger::open(options()).error().code, Code::tampered);
}

TEST_F(LedgerTest, GoesOnWhereItEnded) {
    Hash root{};
    for (std::uint64_t i = 0; i < 600; i += 50) {
        auto ledger = open();
        ASSERT_EQ(ledger.head().size, i);
        std::vector<Record> batch;
        for (std::uint64_t j = i; j < i + 50; j++) {
            batch.push_back(plain_record(j));
        }
        ASSERT_TRUE(ledger.append(std::move(batch)));
        root = ledger.head().root;
    }
    EXPECT_EQ(open().head().root, root);
    Edge edge;
    for (const auto &record : records()) {
        edge.append(leaf_hash(encode(record).value()), [](auto...) {});
    }
    EXPECT_EQ(edge.root(), root);
}

TEST_F(LedgerTest, NumbersItsRecordsFromZero) {
    auto ledger = open();
    ASSERT_TRUE(ledger.append(one(plain_record(7))));
    ASSERT_TRUE(ledger.append(one(plain_record(8))));
    EXPECT_EQ(records()[0].sequence, 0U);
    EXPECT_EQ(records()[1].sequence, 1U);
}

TEST_F(LedgerTest, TakesARecordOfTheRingOnce) {
    std::vector<Record> batch;
    batch.push_back(ring_record(1));
    batch.push_back(ring_record(2));
    {
        auto ledger = open();
        ASSERT_TRUE(ledger.append(batch));
    }
    auto ledger = open(); // after a crash before the ring was advanced
    batch.push_back(ring_record(3));
    const auto appended = ledger.append(batch);
    ASSERT_TRUE(appended);
    EXPECT_EQ(appended->duplicates, 2U);
    EXPECT_EQ(appended->records, 1U);
    EXPECT_EQ(records().size(), 3U);
}

TEST_F(LedgerTest, TakesADuplicateWithinABatchOnce) {
    auto ledger = open();
    std::vector<Record> batch;
    batch.push_back(ring_record(1));
    batch.push_back(ring_record(1));
    EXPECT_EQ(ledger.append(std::move(batch))->duplicates, 1U);
}

TEST_F(LedgerTest, TellsTheRingsOfTwoLoadsApart) {
    auto ledger = open();
    ASSERT_TRUE(ledger.append(one(ring_record(1, 1))));
    EXPECT_EQ(ledger.append(one(ring_record(1, 2)))->records, 1U);
}

TEST_F(LedgerTest, RecordsAHoleInTheRing) {
    auto ledger = open();
    ASSERT_TRUE(ledger.append(one(ring_record(1))));
    EXPECT_EQ(ledger.append(one(ring_record(5)))->records, 2U);
    const auto all = records();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[1].action, "missing");
    EXPECT_EQ(all[1].outcome, "lost");
    EXPECT_EQ(all[1].values[0], (Field{"count", std::uint64_t{3}}));
    EXPECT_EQ(all[1].values[1], (Field{"first", std::uint64_t{2}}));
}

TEST_F(LedgerTest, RecordsWhatALoadHadBeforeTheLedgerBegan) {
    auto ledger = open();
    EXPECT_EQ(ledger.append(one(ring_record(8)))->records, 2U);
    const auto all = records();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].action, "missing");
    EXPECT_EQ(all[0].values[0], (Field{"count", std::uint64_t{7}}));
    EXPECT_EQ(all[0].values[1], (Field{"first", std::uint64_t{1}}));
}

TEST_F(LedgerTest, ABatchWithABadRecordChangesNothing) {
    auto ledger = open();
    std::vector<Record> batch;
    batch.push_back(plain_record(1));
    batch.push_back(plain_record(2));
    batch.back().context = {{"large", Bytes(max_record_bytes)}};
    EXPECT_FALSE(ledger.append(std::move(batch)));
    EXPECT_EQ(ledger.head().size, 0U);
    ASSERT_TRUE(ledger.append(one(plain_record(1))));
    EXPECT_EQ(records().size(), 1U);
}

TEST_F(LedgerTest, AFullDiskChangesNothingAndCanBeTriedAgain) {
    auto ledger = open();
    ASSERT_TRUE(ledger.append(one(ring_record(1))));
    const Head before = ledger.head();
    ASSERT_TRUE(ledger.limit_bytes(1)); // sqlite raises it to what the file has
    Record large = ring_record(2);
    large.context.push_back({"large", Bytes(60'000)});
    for (int i = 0; i < 3; i++) {
        const auto refused = ledger.append(one(large));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Code::disk_full);
        EXPECT_EQ(ledger.head().root, before.root);
    }
    ASSERT_TRUE(ledger.limit_bytes(0));
    EXPECT_EQ(ledger.append(one(large))->records, 1U);
    EXPECT_EQ(open().head().size, 2U);
}

TEST_F(LedgerTest, ACopyIsACleanFileOfItsOwn) {
    auto ledger = open();
    ASSERT_TRUE(ledger.append(one(plain_record(1))));
    const auto head = LedgerReader::open(options().path)->copy_to(directory.path("copy.db"));
    ASSERT_TRUE(head);
    EXPECT_EQ(head->root, ledger.head().root);
    EXPECT_FALSE(std::filesystem::exists(directory.path("copy.db-wal")));
    const test::TestKey key;
    ASSERT_TRUE(seal_copy(directory.path("copy.db"), head->size,
                          key.note("test.example/log", head->size, head->root)));
    EXPECT_TRUE(verify_file(directory.path("copy.db"), key.verifier("test.example/log").text()));
}

TEST_F(LedgerTest, ACheckpointThatWasOvertakenIsNotKept) {
    const test::TestKey key;
    auto ledger = open();
    std::vector<std::string> notes;
    for (std::uint64_t i = 1; i <= 2; i++) {
        ASSERT_TRUE(ledger.append(one(plain_record(i))));
        notes.push_back(key.note(ledger.origin(), i, ledger.head().root));
    }
    ASSERT_TRUE(ledger.add_checkpoint(2, notes[1]));
    ASSERT_TRUE(ledger.add_checkpoint(1, notes[0]));
    EXPECT_EQ(ledger.last_checkpoint(), notes[1]);
    EXPECT_EQ(ledger.last_checkpoint_size(), 2U);
}

// kill -9 at every step of a commit: what the child acknowledged is there, and
// what it did not is there as a whole or not at all.
class LedgerCrash : public LedgerTest, public testing::WithParamInterface<std::string_view> {};

constexpr std::uint64_t batch_size = 3;
constexpr int batches_before_death = 4;

// In the child: appends batches, says after each how far it is, dies in the fifth.
[[noreturn]] void append_until_death(LedgerOptions options, std::string_view step, int acknowledge) {
    int passes = 0;
    options.on_step = [&](std::string_view now) {
        if (now == step && ++passes > batches_before_death) {
            ::raise(SIGKILL);
        }
    };
    auto ledger = Ledger::open(std::move(options)).value();
    for (std::uint64_t next = 1;; next += batch_size) {
        std::vector<Record> batch;
        for (std::uint64_t i = 0; i < batch_size; i++) {
            batch.push_back(ring_record(next + i));
        }
        if (!ledger.append(std::move(batch))) {
            ::_exit(1);
        }
        const std::uint64_t done = next + batch_size - 1;
        if (::write(acknowledge, &done, sizeof(done)) != sizeof(done)) {
            ::_exit(1);
        }
    }
}

TEST_P(LedgerCrash, LosesNothingThatWasAcknowledged) {
    test::expect_published("begun, inserted, committing, committed");
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        append_until_death(options(), GetParam(), pipe[1]);
    }
    ::close(pipe[1]);
    std::uint64_t acknowledged = 0;
    std::uint64_t number = 0;
    while (::read(pipe[0], &number, sizeof(number)) == sizeof(number)) {
        acknowledged = number;
    }
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(acknowledged, batches_before_death * batch_size);

    auto ledger = open();
    EXPECT_GE(ledger.head().size, acknowledged);
    EXPECT_EQ(ledger.head().size % batch_size, 0U);
    // The ring gives again what was not acknowledged: nothing comes twice.
    std::vector<Record> again;
    for (std::uint64_t i = 1; i <= acknowledged + batch_size; i++) {
        again.push_back(ring_record(i));
    }
    ASSERT_TRUE(ledger.append(std::move(again)));
    const auto all = records();
    ASSERT_EQ(all.size(), acknowledged + batch_size);
    for (std::uint64_t i = 0; i < all.size(); i++) {
        EXPECT_EQ(all[i].ring->sequence, i + 1);
    }
}

INSTANTIATE_TEST_SUITE_P(EachStep, LedgerCrash,
                         testing::Values("begun", "inserted", "committing", "committed"),
                         [](const auto &step) { return std::string(step.param); });

} // namespace
} // namespace dsmil::ledger
