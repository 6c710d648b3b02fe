// SPDX-License-Identifier: Apache-2.0
// What the ledger's acknowledgements promise, and how batches share a commit.
#include "ledger/ledger.hpp"
#include "ledger/service.hpp"
#include "ledger/verify.hpp"
#include "support.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace dsmil::ledger {
namespace {

std::vector<Record> plain(std::uint64_t first, std::uint64_t count = 1) {
    std::vector<Record> records;
    for (std::uint64_t i = 0; i < count; i++) {
        records.push_back(test::plain_record(first + i));
    }
    return records;
}

std::vector<Record> ring(std::uint64_t sequence) {
    std::vector<Record> records;
    records.push_back(test::ring_record(sequence));
    return records;
}

// A record that no ledger takes.
std::vector<Record> too_large() {
    auto records = plain(1);
    records.front().context = {{"large", Bytes(max_record_bytes)}};
    return records;
}

class LedgerGroup : public testing::Test {
  protected:
    [[nodiscard]] Ledger open() const {
        LedgerOptions options;
        options.path = directory.path("ledger.db");
        options.default_origin = "test.example/log";
        return Ledger::open(std::move(options)).value();
    }
    test::TempDir directory;
};

TEST_F(LedgerGroup, ABadBatchIsLeftOutAlone) {
    auto ledger = open();
    Group group;
    group.push_back(plain(1, 2));
    group.push_back(too_large());
    group.push_back(plain(3, 3));
    const auto answers = ledger.append_group(std::move(group), Durability::power);
    ASSERT_TRUE(answers);
    ASSERT_EQ(answers->size(), 3U);
    EXPECT_EQ((*answers)[0]->records, 2U);
    EXPECT_EQ((*answers)[1].error().code, Code::usage);
    EXPECT_EQ((*answers)[2]->records, 3U);
    EXPECT_EQ(ledger.head().size, 5U);
}

TEST_F(LedgerGroup, ABadBatchTakesItsPlacesInTheRingBack) {
    auto ledger = open();
    auto bad = ring(1);
    bad.push_back(too_large().front());
    Group group;
    group.push_back(std::move(bad));
    group.push_back(ring(1));
    const auto answers = ledger.append_group(std::move(group), Durability::power);
    ASSERT_TRUE(answers);
    EXPECT_FALSE((*answers)[0]);
    EXPECT_EQ((*answers)[1]->records, 1U); // no duplicate of what was not taken, and no hole before it
    EXPECT_EQ(ledger.head().size, 1U);
}

TEST_F(LedgerGroup, ALaterBatchKnowsTheRingOfAnEarlierOne) {
    auto ledger = open();
    Group group;
    group.push_back(ring(1));
    group.push_back(ring(1));
    group.push_back(ring(2));
    const auto answers = ledger.append_group(std::move(group), Durability::power);
    ASSERT_TRUE(answers);
    EXPECT_EQ((*answers)[1]->duplicates, 1U);
    EXPECT_EQ((*answers)[2]->records, 1U);
    EXPECT_EQ(ledger.head().size, 2U);
}

TEST_F(LedgerGroup, AFullDiskIsEverybodysError) {
    auto ledger = open();
    ASSERT_TRUE(ledger.append(plain(0)));
    ASSERT_TRUE(ledger.limit_bytes(1));
    Group group;
    for (int i = 0; i < 3; i++) {
        group.push_back(plain(1, 300));
    }
    const auto answers = ledger.append_group(std::move(group), Durability::process);
    ASSERT_FALSE(answers);
    EXPECT_EQ(answers.error().code, Code::disk_full);
    EXPECT_EQ(ledger.head().size, 1U);
    ASSERT_TRUE(ledger.limit_bytes(0));
    EXPECT_TRUE(ledger.append(plain(1)));
    EXPECT_EQ(open().head().size, 2U);
}

class LedgerAcknowledgement : public testing::Test {
  protected:
    void start() {
        ServiceOptions options;
        options.state_dir = directory.path("");
        options.ledger.path = directory.path("ledger.db");
        options.ledger.default_origin = "test.example/log";
        options.checkpoint_interval = std::chrono::hours(1);
        ASSERT_TRUE(service.start(std::move(options)));
    }
    void append(std::vector<Record> records, Durability durability) {
        service.append(std::move(records), durability,
                       [this](Result<Appended> result) { answers.push_back(std::move(result)); });
    }
    void wait_for(std::size_t count) {
        test::run_until(reactor, [&] { return answers.size() >= count; });
        ASSERT_EQ(answers.size(), count);
    }
    test::TempDir directory;
    test::TestLog log;
    test::TestKey key;
    Reactor reactor;
    Service service{reactor, log.log, system_clock(), key};
    std::vector<Result<Appended>> answers;
};

TEST_F(LedgerAcknowledgement, AcknowledgesWithWhatWasAskedFor) {
    start();
    append(plain(1), Durability::process);
    append(plain(2), Durability::power);
    wait_for(2);
    EXPECT_EQ(answers[0]->durability, Durability::process);
    EXPECT_EQ(answers[1]->durability, Durability::power);
    EXPECT_EQ(service.counts().acknowledged, (std::array<std::uint64_t, 3>{0, 1, 1}));
}

TEST_F(LedgerAcknowledgement, WhatComesDuringACommitSharesTheNextOne) {
    start();
    for (std::uint64_t i = 0; i < 65; i++) {
        append(plain(i), Durability::power);
    }
    wait_for(65);
    EXPECT_EQ(service.snapshot().head.size, 65U);
    EXPECT_EQ(service.counts().commits, 2U); // the first, and the 64 that came meanwhile
}

TEST_F(LedgerAcknowledgement, NoneIsAcknowledgedBeforeTheCommitAndKeptNevertheless) {
    start();
    append(plain(1), Durability::none);
    wait_for(1);
    EXPECT_EQ(answers[0]->durability, Durability::none);
    test::run_until(reactor, [&] { return service.snapshot().head.size == 1; });
    EXPECT_EQ(service.counts().lost, 0U);
}

TEST_F(LedgerAcknowledgement, WhatWasAcknowledgedWithNoneAndCannotBeKeptIsCounted) {
    start();
    append(too_large(), Durability::none);
    append(plain(1), Durability::power);
    wait_for(2);
    EXPECT_TRUE(answers[0]);
    EXPECT_TRUE(answers[1]);
    EXPECT_EQ(service.counts().lost, 1U);
}

TEST_F(LedgerAcknowledgement, ARecordThatCannotBeIsNoTroubleOfTheLedger) {
    start();
    append(too_large(), Durability::power);
    wait_for(1);
    EXPECT_EQ(answers[0].error().code, Code::usage);
    EXPECT_FALSE(service.trouble());
}

TEST_F(LedgerAcknowledgement, MoreThanMayWaitIsRefused) {
    start();
    auto large = plain(1);
    large.front().context = {{"large", Bytes(60'000)}};
    const std::size_t fit = Service::max_queued_bytes / 60'000;
    for (std::size_t i = 0; i < fit + 10; i++) {
        append(large, Durability::power);
    }
    wait_for(fit + 10);
    const auto refused = std::ranges::count_if(answers, [](const auto &answer) { return !answer; });
    EXPECT_GE(refused, 10);
    EXPECT_EQ(service.snapshot().head.size, answers.size() - static_cast<std::size_t>(refused));
    append(large, Durability::power);
    wait_for(fit + 11);
    EXPECT_TRUE(answers.back());
}

TEST_F(LedgerAcknowledgement, ACheckpointCoversWhatWasAcknowledgedWithLess) {
    start();
    append(plain(1, 3), Durability::process);
    wait_for(1);
    bool signed_off = false;
    service.checkpoint(Occasion::interval, [&](const Result<void> &result) {
        EXPECT_TRUE(result);
        signed_off = true;
    });
    test::run_until(reactor, [&] { return signed_off; });
    EXPECT_EQ(service.snapshot().checkpoint_size, 3U);
    EXPECT_TRUE(service.stop(std::chrono::seconds(10)));
    EXPECT_TRUE(verify_file(directory.path("ledger.db"), key.verifier("test.example/log").text()));
}

} // namespace
} // namespace dsmil::ledger
