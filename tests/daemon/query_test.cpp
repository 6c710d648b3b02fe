// SPDX-License-Identifier: Apache-2.0
// Which records a search finds, and how much of the ledger a page looks at.
#include "ledger/export.hpp"
#include "ledger/query.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

namespace dsmil::ledger {
namespace {

Query query(const std::map<std::string, std::string> &parameters) {
    return Query::parse(parameters).value();
}

Record refused() {
    Record record;
    record.realtime_ns = 1'767'225'600'000'000'005; // 2026-01-01T00:00:00.000000005Z
    record.source = "kernel";
    record.device_id = 0x8009;
    record.actor = Actor{.uid = 1000, .pid = 77, .comm = "dsmilctl", .cgroup_id = 1};
    record.action = "write";
    record.outcome = "refused";
    record.values = {{"nonce", Bytes{0xAB, 0xCD}}, {"value", std::uint64_t{7}}};
    record.context = {{"reason", std::string("quarantined")}};
    return record;
}

TEST(QueryTime, IsADayOrAMomentInUtc) {
    EXPECT_EQ(parse_time("1970-01-01"), 0U);
    EXPECT_EQ(parse_time("2026-01-01T00:00:00Z"), 1'767'225'600'000'000'000U);
    EXPECT_EQ(parse_time("2026-01-01T00:00:00.000000005Z"), 1'767'225'600'000'000'005U);
    EXPECT_EQ(parse_time("2024-02-29T23:59:59.5Z"), 1'709'251'199'500'000'000U);
    EXPECT_EQ(parse_time("2261-12-31"), 9'214'560'000'000'000'000U);
}

TEST(QueryTime, IsNothingElse) {
    for (const auto *text : {"",
                             "2026",
                             "2026-1-1",
                             "2026-13-01",
                             "2026-00-01",
                             "2026-02-30",
                             "2023-02-29",
                             "1969-12-31",
                             "2262-01-01",
                             "2026-01-01T",
                             "2026-01-01T00:00:00",
                             "2026-01-01T24:00:00Z",
                             "2026-01-01T00:60:00Z",
                             "2026-01-01T00:00:60Z",
                             "2026-01-01T00:00:00.Z",
                             "2026-01-01T00:00:00.0000000001Z",
                             "2026-01-01 00:00:00Z",
                             "2026-01-01T00:00:00+01:00",
                             "2026-01-01Z",
                             " 2026-01-01",
                             "+026-01-01"}) {
        EXPECT_FALSE(parse_time(text)) << text;
    }
}

TEST(Query, RefusesConditionsThatCannotBe) {
    for (const auto &[name, value] : std::map<std::string, std::string>{{"since", "yesterday"},
                                                                        {"until", "2026-02-30"},
                                                                        {"device", "0x18009"},
                                                                        {"uid", "-1"},
                                                                        {"pid", "4294967296"}}) {
        const auto parsed = Query::parse({{name, value}});
        ASSERT_FALSE(parsed) << name;
        EXPECT_EQ(parsed.error().code, Code::usage);
        EXPECT_TRUE(parsed.error().detail.starts_with(name)) << parsed.error().detail;
    }
}

TEST(Query, WithoutConditionsFitsEverything) {
    EXPECT_TRUE(query({}).matches(refused()));
    EXPECT_TRUE(query({}).matches(Record{}));
}

TEST(Query, EachConditionMustHold) {
    const std::map<std::string, std::pair<std::string, std::string>> conditions = {
        {"since", {"2026-01-01T00:00:00.000000005Z", "2026-01-01T00:00:00.000000006Z"}},
        {"until", {"2026-01-01T00:00:00.000000006Z", "2026-01-01T00:00:00.000000005Z"}},
        {"device", {"0x8009", "0x800A"}},
        {"uid", {"1000", "0"}},
        {"pid", {"77", "78"}},
        {"comm", {"dsmilctl", "dsmil"}},
        {"action", {"write", "read"}},
        {"outcome", {"refused", "ok"}},
        {"source", {"kernel", "dsmild"}},
        {"text", {"quarant", "Quarant"}},
    };
    EXPECT_EQ(conditions.size(), query_parameters.size());
    std::map<std::string, std::string> all;
    for (const auto &[name, values] : conditions) {
        EXPECT_TRUE(query({{name, values.first}}).matches(refused())) << name;
        EXPECT_FALSE(query({{name, values.second}}).matches(refused())) << name;
        all[name] = values.first;
    }
    EXPECT_TRUE(query(all).matches(refused()));
    for (const auto &[name, values] : conditions) {
        auto one_wrong = all;
        one_wrong[name] = values.second;
        EXPECT_FALSE(query(one_wrong).matches(refused())) << name;
    }
}

TEST(Query, TextIsSoughtInWordsAndInTheDigitsOfBytes) {
    for (const auto *text : {"kern", "writ", "refus", "milctl", "quarantined", "abcd"}) {
        EXPECT_TRUE(query({{"text", text}}).matches(refused())) << text;
    }
    EXPECT_FALSE(query({{"text", "reason"}}).matches(refused())); // a name
    EXPECT_FALSE(query({{"text", "7"}}).matches(refused()));      // a number
}

TEST(Query, WhatNobodyDidHasNoActor) {
    EXPECT_FALSE(query({{"uid", "0"}}).matches(Record{}));
    EXPECT_FALSE(query({{"comm", ""}}).matches(Record{}));
}

class Search : public testing::Test {
  protected:
    void make(std::uint64_t count) {
        LedgerOptions options;
        options.path = directory.path("ledger.db");
        options.default_origin = "test.example/log";
        auto ledger = Ledger::open(std::move(options)).value();
        std::vector<Record> records;
        for (std::uint64_t i = 0; i < count; i++) {
            records.push_back(test::plain_record(i));
            records.back().action = i % 3 == 0 ? "third" : "other";
        }
        ASSERT_TRUE(ledger.append(std::move(records), Durability::process));
        reader.emplace(LedgerReader::open_copy(directory.path("ledger.db")).value());
    }
    test::TempDir directory;
    std::optional<LedgerReader> reader;
};

TEST_F(Search, ComesInPagesThatMissNothing) {
    make(10);
    const auto first = reader->search(query({{"action", "third"}}), 0, 3).value();
    ASSERT_EQ(first.records.size(), 3U);
    EXPECT_EQ(first.records[2].sequence, 6U);
    EXPECT_EQ(first.next, 7U);
    EXPECT_FALSE(first.complete);
    const auto second = reader->search(query({{"action", "third"}}), first.next, 3).value();
    ASSERT_EQ(second.records.size(), 1U);
    EXPECT_EQ(second.records[0].sequence, 9U);
    EXPECT_TRUE(second.complete);
    EXPECT_EQ(second.next, 10U);
}

TEST_F(Search, OfNothingLooksAtSoMuchAndSaysWhereItGoesOn) {
    make(LedgerReader::max_searched + 5);
    const auto first = reader->search(query({{"action", "none"}}), 0, 10).value();
    EXPECT_TRUE(first.records.empty());
    EXPECT_FALSE(first.complete);
    EXPECT_EQ(first.next, LedgerReader::max_searched);
    const auto second = reader->search(query({{"action", "none"}}), first.next, 10).value();
    EXPECT_TRUE(second.complete);
    EXPECT_EQ(second.next, LedgerReader::max_searched + 5);
}

TEST_F(Search, BehindTheEndFindsNothing) {
    make(3);
    const auto found = reader->search({}, 1'000, 10).value();
    EXPECT_TRUE(found.records.empty());
    EXPECT_TRUE(found.complete);
    EXPECT_EQ(found.next, 1'000U);
}

TEST_F(Search, ARecordThatIsNoneIsTampering) {
    make(3);
    ASSERT_TRUE(Database::open(directory.path("ledger.db"), Database::Mode::read_write)
                    ->run("UPDATE records SET body = x'00' WHERE seq = 1"));
    const auto found = reader->search({}, 0, 10);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Code::tampered);
}

TEST(SearchFile, WhatIsNoLedgerIsNotSearched) {
    const test::TempDir directory;
    ASSERT_TRUE(Database::open(directory.path("other.db"), Database::Mode::create)
                    ->run("CREATE TABLE records(seq INTEGER PRIMARY KEY, body BLOB)"));
    EXPECT_EQ(LedgerReader::open_copy(directory.path("other.db")).error().code, Code::failed);
}

} // namespace
} // namespace dsmil::ledger
