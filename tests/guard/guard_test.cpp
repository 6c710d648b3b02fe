// SPDX-License-Identifier: Apache-2.0
// The kernel's guard, compiled for user space.
#include "oracle.hpp"

#include <array>
#include <gtest/gtest.h>
#include <random>
#include <string>

extern "C" {
#include "guard.h"
}

namespace {

using oracle::Board;
using oracle::Location;
using oracle::Token;
using oracle::Verdict;

constexpr unsigned all_tokens = 0x10000;
constexpr std::array operations = {DSMIL_OPERATION_READ, DSMIL_OPERATION_WRITE};
constexpr std::array<Token, 11> no_man_writes = {0x8009, 0x800A, 0x800B, 0x8019, 0x801A, 0x801B,
                                                 0x8029, 0x8053, 0x801C, 0x807B, 0x80F9};

Board emulated_board() {
    return {
#define DSMIL_EMULATED_REGISTER(token, location, value) {token, location},
#include "dsmil_catalog.def"
    };
}

std::optional<Location> location_on(const Board &board, Token token) {
    const auto entry = std::ranges::find(board, token, &Board::value_type::first);
    return entry == board.end() ? std::nullopt : std::optional(entry->second);
}

// Of a token that the board has.
Location place_of(const Board &board, Token token) {
    return location_on(board, token).value_or(0);
}

Verdict ask(Token token, unsigned operation, bool has_rawio, const Board &board,
            std::optional<Location> now) {
    std::vector<dsmil_location> map;
    map.reserve(board.size());
    for (const auto &[listed, location] : board)
        map.push_back({.token = listed, .location = location});
    const dsmil_guard_request request = {.operation = operation,
                                         .token = token,
                                         .has_rawio = has_rawio,
                                         .firmware_read_only = false,
                                         .map = map.data(),
                                         .map_count = map.size(),
                                         .location_known = now.has_value(),
                                         .location = now.value_or(0)};
    const dsmil_guard_decision decision = dsmil_guard_decide(&request);
    return {decision.allowed, decision.reason, decision.rule_token, decision.rule_risk};
}

Verdict ask_to_write(Token token, const Board &board) {
    return ask(token, DSMIL_OPERATION_WRITE, true, board, location_on(board, token));
}

void expect_same(Token token, unsigned operation, bool has_rawio, const Board &board,
                 std::optional<Location> now, const std::string &what) {
    const Verdict wanted = oracle::decide(token, operation != DSMIL_OPERATION_READ, has_rawio, board, now);
    const Verdict got = ask(token, operation, has_rawio, board, now);
    EXPECT_EQ(got, wanted) << what << std::hex << ", token 0x" << token << ", operation " << operation
                           << ", capability " << has_rawio << ": allowed " << got.allowed << " by reason "
                           << got.reason << " of 0x" << got.rule_token << ", wanted " << wanted.allowed
                           << " by " << wanted.reason << " of 0x" << wanted.rule_token;
}

// A board of few locations, so that tokens meet: our tokens, tokens just outside, repeated ones.
Board random_board(std::mt19937 &random) {
    std::uniform_int_distribution<unsigned> count(0, 400);
    std::uniform_int_distribution<unsigned> token(0x7FF0, 0x8150);
    std::uniform_int_distribution<unsigned> location(0x0400, 0x0400 + count(random) + 1);
    Board board(count(random));
    for (auto &[listed, place] : board) {
        listed = static_cast<Token>(token(random));
        place = static_cast<Location>(location(random));
    }
    return board;
}

TEST(Guard, LetsNothingBeWrittenOnReadOnlyFirmware) {
    const dsmil_location line = {.token = 0x8010, .location = 0x400}; // CONFIG of a safe device
    dsmil_guard_request request = {.operation = DSMIL_OPERATION_WRITE,
                                   .token = line.token,
                                   .has_rawio = true,
                                   .firmware_read_only = false,
                                   .map = &line,
                                   .map_count = 1,
                                   .location_known = true,
                                   .location = line.location};
    EXPECT_TRUE(dsmil_guard_decide(&request).allowed);
    request.firmware_read_only = true;
    EXPECT_FALSE(dsmil_guard_decide(&request).allowed);
    EXPECT_EQ(dsmil_guard_decide(&request).reason, DSMIL_REASON_READ_ONLY);
    request.operation = DSMIL_OPERATION_READ;
    EXPECT_TRUE(dsmil_guard_decide(&request).allowed);
}

TEST(Guard, AgreesWithTheOracleOnEveryTokenOfTheEmulatedBoard) {
    const Board board = emulated_board();
    for (unsigned token = 0; token < all_tokens; token++)
        for (const unsigned operation : operations)
            for (const bool has_rawio : {false, true})
                expect_same(static_cast<Token>(token), operation, has_rawio, board,
                            location_on(board, static_cast<Token>(token)), "emulated board");
}

TEST(Guard, AgreesWithTheOracleOnEveryTokenOfAnEmptyBoard) {
    for (unsigned token = 0; token < all_tokens; token++)
        for (const unsigned operation : operations)
            for (const bool has_rawio : {false, true})
                expect_same(static_cast<Token>(token), operation, has_rawio, {}, std::nullopt, "empty board");
}

TEST(Guard, AgreesWithTheOracleOnRandomBoards) {
    for (unsigned seed = 0; seed < 200; seed++) {
        std::mt19937 random(seed);
        const Board board = random_board(random);
        for (unsigned token = 0x7FFE; token < 0x8146; token++) {
            // Mostly what the board says, sometimes another location, sometimes none.
            std::optional<Location> now = location_on(board, static_cast<Token>(token));
            if (random() % 8 == 0)
                now = static_cast<Location>(0x0400 + random() % 400);
            else if (random() % 8 == 0)
                now.reset();
            expect_same(static_cast<Token>(token), DSMIL_OPERATION_WRITE, random() % 4 != 0, board, now,
                        "seed " + std::to_string(seed));
        }
    }
}

TEST(Guard, NeverWritesAQuarantinedOrLockedNumberOnAnyBoard) {
    for (unsigned seed = 0; seed < 20; seed++) {
        std::mt19937 random(seed);
        const Board board = random_board(random);
        for (const Token token : no_man_writes)
            for (unsigned location = 0x0400; location < 0x0600; location++)
                EXPECT_FALSE(
                    ask(token, DSMIL_OPERATION_WRITE, true, board, static_cast<Location>(location)).allowed);
    }
}

TEST(Guard, TakesAnUnknownOperationForAWrite) {
    const Board board = emulated_board();
    for (const Token token : no_man_writes)
        for (const unsigned operation : {2U, 3U, 0xFFFFFFFFU})
            EXPECT_FALSE(ask(token, operation, true, board, location_on(board, token)).allowed);
}

TEST(Guard, AllowsExactlyFifteenRegistersOfTheEmulatedBoard) {
    const Board board = emulated_board();
    std::set<Token> writable;
    for (unsigned token = 0; token < all_tokens; token++)
        if (ask_to_write(static_cast<Token>(token), board).allowed)
            writable.insert(static_cast<Token>(token));
    EXPECT_EQ(writable.size(), 15U);
    EXPECT_TRUE(writable.contains(0x8010));
    EXPECT_FALSE(writable.contains(0x8019)); // device 8 is safe; as an id it is quarantined
    EXPECT_FALSE(writable.contains(0x801A));
    EXPECT_FALSE(writable.contains(0x8091)); // has the location of 0x807C
}

TEST(Guard, AllowsNoWriteWithoutTheCapability) {
    const Board board = emulated_board();
    for (unsigned token = 0; token < all_tokens; token++)
        EXPECT_FALSE(ask(static_cast<Token>(token), DSMIL_OPERATION_WRITE, false, board,
                         location_on(board, static_cast<Token>(token)))
                         .allowed);
}

TEST(Guard, NamesTheAliasThatDecided) {
    EXPECT_EQ(ask_to_write(0x8091, emulated_board()),
              (Verdict{false, DSMIL_REASON_ALIAS, 0x807C, DSMIL_RISK_QUARANTINED}));
}

TEST(Guard, RefusesALocationThatATokenOutsideTheRangeShares) {
    Board board = emulated_board();
    board.emplace_back(0x0461, place_of(board, 0x8010));
    EXPECT_EQ(ask_to_write(0x8010, board), (Verdict{false, DSMIL_REASON_ALIAS, 0x0461, DSMIL_RISK_LOCKED}));
}

TEST(Guard, RefusesALocationThatChangedBetweenTheLooks) {
    const Board board = emulated_board();
    const auto moved = static_cast<Location>(place_of(board, 0x8010) + 0x1000);
    EXPECT_EQ(ask(0x8010, DSMIL_OPERATION_WRITE, true, board, moved).reason, DSMIL_REASON_LOCATION_UNKNOWN);
}

TEST(Guard, RefusesALocationThatTheFirmwareDoesNotName) {
    EXPECT_EQ(ask(0x8010, DSMIL_OPERATION_WRITE, true, emulated_board(), std::nullopt).reason,
              DSMIL_REASON_LOCATION_UNKNOWN);
}

TEST(Guard, RefusesATokenThatTheBoardListsTwice) {
    Board board = emulated_board();
    board.emplace_back(0x8010, 0x7000);
    EXPECT_EQ(ask_to_write(0x8010, board).reason, DSMIL_REASON_LOCATION_UNKNOWN);
}

TEST(Guard, AllowsATokenThatTheBoardListsTwiceAtOnePlace) {
    Board board = emulated_board();
    board.emplace_back(0x8010, place_of(board, 0x8010));
    EXPECT_TRUE(ask_to_write(0x8010, board).allowed);
}

TEST(Guard, AllowsTwoSafeRegistersToShareALocation) {
    const Board board = {{0x8010, 0x0500}, {0x8011, 0x0500}};
    EXPECT_TRUE(ask_to_write(0x8010, board).allowed);
}

TEST(Guard, AllowsReadingEveryRegister) {
    for (unsigned token = DSMIL_TOKEN_BASE; token < DSMIL_TOKEN_BASE + DSMIL_TOKEN_COUNT; token++)
        EXPECT_TRUE(ask(static_cast<Token>(token), DSMIL_OPERATION_READ, false, {}, std::nullopt).allowed);
}

} // namespace
