// SPDX-License-Identifier: Apache-2.0
#include "grants/book.hpp"

#include <format>
#include <gtest/gtest.h>

namespace dsmil::grants {
namespace {

Entry entry(const std::string &id, State state = State::waiting, std::uint32_t uid = 1000) {
    Entry made;
    made.id = id;
    made.state = state;
    made.rule = "rule";
    made.approver = state == State::waiting ? "bob" : "";
    made.uid = uid;
    made.body.expires_boottime_ns = 100;
    return made;
}

State state_of(const Book &book, std::string_view id) {
    return book.find(id).value()->state;
}

// What the ledger has.
void put(Book &book, Entry made) {
    const std::string id = made.id;
    const bool ended = made.state == State::revoked;
    book.add(std::move(made));
    EXPECT_NE(book.settle(id).has_value(), ended);
}

TEST(GrantBook, KnowsOnlyWhatItWasTold) {
    Book book;
    EXPECT_EQ(book.find("a").error().code, Code::not_found);
    EXPECT_EQ(book.approve("a", "s").error().code, Code::not_found);
    EXPECT_EQ(book.issue("a").error().code, Code::not_found);
    EXPECT_EQ(book.revoke("a").error().code, Code::not_found);
}

TEST(GrantBook, WhatWaitsIsApprovedThenIssuedOnce) {
    Book book;
    put(book, entry("a"));
    EXPECT_EQ(book.issue("a").error().code, Code::grant_pending);
    ASSERT_TRUE(book.approve("a", "signature"));
    EXPECT_EQ(book.approve("a", "other").error().code, Code::conflict);
    ASSERT_TRUE(book.settle("a"));
    EXPECT_EQ(book.find("a").value()->approval, "signature");
    EXPECT_EQ(book.approve("a", "other").error().code, Code::conflict);
    ASSERT_TRUE(book.issue("a"));
    EXPECT_EQ(book.issue("a").error().code, Code::conflict);
    EXPECT_EQ(book.revoke("a").error().code, Code::conflict);
    book.give_up("a");
    ASSERT_TRUE(book.issue("a"));
    ASSERT_TRUE(book.settle("a"));
    EXPECT_EQ(state_of(book, "a"), State::issued);
    EXPECT_EQ(book.issue("a").error().code, Code::conflict);
    EXPECT_EQ(book.revoke("a").error().code, Code::conflict);
}

TEST(GrantBook, NobodyHearsOfAStepBeforeTheLedgerHasIt) {
    Book book;
    book.add(entry("a"));
    EXPECT_EQ(book.find("a").error().code, Code::not_found);
    EXPECT_TRUE(book.list().empty());
    EXPECT_EQ(book.approve("a", "s").error().code, Code::not_found);
    ASSERT_TRUE(book.settle("a"));
    EXPECT_EQ(book.list().size(), 1U);
    ASSERT_TRUE(book.approve("a", "s"));
    EXPECT_EQ(state_of(book, "a"), State::waiting);
    EXPECT_EQ(book.issue("a").error().code, Code::grant_pending) << "an issue does not overtake the approval";
    book.give_up("a");
    EXPECT_EQ(book.find("a").value()->approval, "");
    EXPECT_TRUE(book.approve("a", "again")) << "it can be signed again";
    book.add(entry("b"));
    book.give_up("b");
    EXPECT_EQ(book.find("b").error().code, Code::not_found);
}

TEST(GrantBook, WhatIsRevokedStaysSo) {
    Book book;
    put(book, entry("a"));
    ASSERT_TRUE(book.approve("a", "s"));
    ASSERT_TRUE(book.revoke("a"));
    EXPECT_EQ(book.settle("a").error().code, Code::conflict) << "while the approval was recorded";
    EXPECT_EQ(book.approve("a", "s").error().code, Code::conflict);
    EXPECT_EQ(book.issue("a").error().code, Code::conflict);
    book.give_up("a");
    EXPECT_EQ(state_of(book, "a"), State::revoked);
}

TEST(GrantBook, WhatIsOverExpires) {
    Book book;
    put(book, entry("a"));
    put(book, entry("b", State::approved));
    put(book, entry("c", State::approved));
    put(book, entry("d", State::approved));
    ASSERT_TRUE(book.issue("c"));
    ASSERT_TRUE(book.settle("c"));
    ASSERT_TRUE(book.issue("d"));
    book.expire(99);
    EXPECT_EQ(state_of(book, "a"), State::waiting);
    book.expire(100);
    EXPECT_EQ(state_of(book, "a"), State::expired);
    EXPECT_EQ(state_of(book, "b"), State::expired);
    EXPECT_EQ(state_of(book, "c"), State::issued);
    EXPECT_EQ(state_of(book, "d"), State::approved) << "who gives it out decides";
    EXPECT_EQ(book.issue("b").error().code, Code::conflict);
}

TEST(GrantBook, HasPlacesForSoManyOfAUserAndSoManyInAll) {
    Book book;
    for (std::size_t i = 0; i < Book::max_open; i++) {
        const auto uid = static_cast<std::uint32_t>(i / Book::max_open_user);
        ASSERT_TRUE(book.may_add(uid));
        put(book, entry(std::to_string(i), State::approved, uid));
        if (i % Book::max_open_user == Book::max_open_user - 1) {
            EXPECT_EQ(book.may_add(uid).error().code, Code::try_again);
        }
    }
    EXPECT_EQ(book.may_add(5000).error().code, Code::try_again);
    ASSERT_TRUE(book.revoke("0"));
    EXPECT_TRUE(book.may_add(5000));
}

TEST(GrantBook, ForgetsTheOldestThatEnded) {
    Book book;
    put(book, entry("open"));
    for (std::size_t i = 0; i < Book::max_ended + 10; i++) {
        put(book, entry(std::format("n{}", i), State::revoked));
    }
    EXPECT_EQ(book.list().size(), Book::max_ended + 1);
    EXPECT_TRUE(book.find("open"));
    EXPECT_FALSE(book.find("n9"));
    EXPECT_TRUE(book.find("n10"));
    EXPECT_EQ(book.list().front().id, std::format("n{}", Book::max_ended + 9));
}

TEST(GrantBook, CountsTheUsesOfARuleInADay) {
    Book book;
    const std::uint64_t now = 10 * Book::day_ns;
    EXPECT_EQ(book.uses("rule", now), 0U);
    book.note_use("rule", now + 5); // before the clock was set back
    book.note_use("rule", now - Book::day_ns);
    book.note_use("rule", now - Book::day_ns + 1);
    book.note_use("other", now);
    EXPECT_EQ(book.uses("rule", now), 2U);
    put(book, entry("a"));
    EXPECT_EQ(book.uses("rule", now), 3U) << "what is open may still be used";
    ASSERT_TRUE(book.revoke("a"));
    EXPECT_EQ(book.uses("rule", now), 2U);
    put(book, entry("b", State::approved));
    ASSERT_TRUE(book.issue("b"));
    EXPECT_EQ(book.uses("rule", now), 3U) << "and what is being given out";
}

} // namespace
} // namespace dsmil::grants
