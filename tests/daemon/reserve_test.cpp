// SPDX-License-Identifier: Apache-2.0
// When the disk is full, what matters to security is still recorded.
#include "base/clock.hpp"
#include "ledger/reserve.hpp"
#include "ledger/service.hpp"
#include "support.hpp"

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <optional>

namespace dsmil::ledger {
namespace {

constexpr std::uint64_t max_bytes = 400'000;
constexpr std::uint64_t reserve_bytes = 100'000;

TEST(Reserve, TakesItsRoomAndLetsGoOfIt) {
    const test::TempDir directory;
    Reserve reserve(directory.path("reserve"), 1 << 20);
    EXPECT_FALSE(reserve.held());
    EXPECT_TRUE(reserve.take());
    EXPECT_TRUE(reserve.held());
    EXPECT_EQ(std::filesystem::file_size(directory.path("reserve")), 1U << 20U);
    reserve.let_go();
    EXPECT_FALSE(reserve.held());
    EXPECT_FALSE(std::filesystem::exists(directory.path("reserve")));
}

TEST(Reserve, IsNotHeldWhereThereIsNoRoom) {
    const test::TempDir directory;
    Reserve too_much(directory.path("reserve"), std::uint64_t{1} << 60U);
    EXPECT_FALSE(too_much.take());
    EXPECT_FALSE(std::filesystem::exists(directory.path("reserve")));
    Reserve nowhere(directory.path("no/reserve"), 1);
    EXPECT_FALSE(nowhere.take());
}

class FullDisk : public testing::Test {
  protected:
    void SetUp() override {
        ServiceOptions options;
        options.state_dir = directory.path("");
        options.ledger.path = directory.path("ledger.db");
        options.ledger.default_origin = "test.example/log";
        options.ledger.max_bytes = max_bytes;
        options.ledger.reserve_bytes = reserve_bytes;
        ASSERT_TRUE(service.start(std::move(options)));
    }
    // The error, or nothing.
    std::optional<Error> append(const std::string &outcome, std::size_t bytes) {
        std::optional<Result<Appended>> done;
        auto record = service.own_record("test", outcome);
        record.context = {{"filler", std::string(bytes, 'x')}};
        std::vector<Record> records;
        records.push_back(std::move(record));
        service.append(std::move(records), [&](Result<Appended> result) { done = std::move(result); });
        test::run_until(reactor, [&] { return done.has_value(); });
        return *done ? std::nullopt : std::optional(done->error());
    }
    void fill() {
        for (int i = 0; i < 1'000; i++) {
            if (const auto error = append("ok", 4'000)) {
                EXPECT_EQ(error->code, Code::disk_full);
                return;
            }
        }
        FAIL() << "the disk does not become full";
    }
    std::vector<std::string> actions() {
        std::optional<Result<Found>> found;
        service.search(Query::parse({{"outcome", "noticed"}}).value(), 0, 100,
                       [&](Result<Found> result) { found = std::move(result); });
        test::run_until(reactor, [&] { return found.has_value(); });
        std::vector<std::string> all;
        for (const auto &record : (*found)->records) {
            all.push_back(record.action);
        }
        return all;
    }

    void await_action(const std::string &action) {
        for (int i = 0; i < 1'000; i++) { // Each asks the ledger's thread, behind what it does.
            if (std::ranges::contains(actions(), action)) {
                return;
            }
        }
        FAIL() << action;
    }

    test::TempDir directory;
    test::TestLog log;
    test::TestKey key;
    Reactor reactor;
    Service service{reactor, log.log, system_clock(), key};
};

TEST_F(FullDisk, ThatItIsFullIsInTheLedger) {
    fill();
    await_action("disk_full");
    EXPECT_FALSE(service.snapshot().has_reserve);
    EXPECT_EQ(service.trouble()->code, Code::disk_full);
    EXPECT_FALSE(std::filesystem::exists(directory.path("ledger.db.reserve")));
}

TEST_F(FullDisk, WhatMattersToSecurityIsStillTakenAndNothingElse) {
    fill();
    for (int i = 0; i < 5; i++) {
        EXPECT_FALSE(append("noticed", 4'000)) << i;
        EXPECT_EQ(append("ok", 10)->code, Code::disk_full);
    }
    EXPECT_EQ(service.trouble()->code, Code::disk_full);
}

TEST_F(FullDisk, TheReserveHasAnEndToo) {
    fill();
    std::optional<Error> error;
    for (int i = 0; i < 1'000 && !error; i++) {
        error = append("noticed", 4'000);
    }
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, Code::disk_full);
}

TEST_F(FullDisk, WhenThereIsRoomAgainAllIsTakenAndTheReserveIsBack) {
    fill();
    // As pruning would, which takes whole bundles.
    auto database = Database::open(directory.path("ledger.db"), Database::Mode::read_write).value();
    ASSERT_TRUE(database.run("DELETE FROM records WHERE seq > 0 AND seq < 60"));
    EXPECT_FALSE(append("ok", 100));
    EXPECT_TRUE(service.snapshot().has_reserve);
    EXPECT_FALSE(service.trouble());
    await_action("disk_free");
}

} // namespace
} // namespace dsmil::ledger
