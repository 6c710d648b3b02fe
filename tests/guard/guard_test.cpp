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

std::vector<dsmil_location> map_of(const Board &board) {
    std::vector<dsmil_location> map;
    map.reserve(board.size());
    for (const auto &[listed, location] : board)
        map.push_back({.token = listed, .location = location});
    return map;
}

dsmil_guard_table table_of(const Board &board, const dsmil_quarantine &added = {}) {
    const auto map = map_of(board);
    dsmil_guard_table table;
    dsmil_guard_make_table(&table, map.data(), map.size(), &added);
    return table;
}

Verdict decide(const dsmil_guard_table &table, const dsmil_guard_request &request) {
    const dsmil_guard_decision decision = dsmil_guard_decide(&table, &request);
    return {decision.allowed, decision.reason, decision.rule_token, decision.rule_risk};
}

dsmil_guard_request request_for(Token token, unsigned operation, bool has_rawio,
                                std::optional<Location> now) {
    dsmil_guard_request request{};
    request.operation = operation;
    request.token = token;
    request.has_rawio = has_rawio;
    request.location_known = now.has_value();
    request.location = now.value_or(0);
    return request;
}

// The table of the last board: tests ask about one board many times.
const dsmil_guard_table &cached_table(const Board &board) {
    static std::optional<Board> last;
    static dsmil_guard_table table;
    if (!last || *last != board) {
        table = table_of(board);
        last = board;
    }
    return table;
}

Verdict ask(Token token, unsigned operation, bool has_rawio, const Board &board,
            std::optional<Location> now) {
    return decide(cached_table(board), request_for(token, operation, has_rawio, now));
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

// ------------------------------------------------------------ grants --

constexpr Token monitored = 0x8000 + 3 * 100 + DSMIL_REG_CONFIG;
constexpr Token guarded = 0x8000 + 3 * 52 + DSMIL_REG_CONFIG;
constexpr Token safe = 0x8010;
constexpr std::uint64_t second = 1'000'000'000;

// A grant by two owners that holds, and the request that it was made for.
struct Granted {
    dsmil_guard_grant grant{};
    dsmil_guard_request request{};
};

Granted granted(Token token) {
    Granted all;
    all.request = request_for(token, DSMIL_OPERATION_WRITE, false, location_on(emulated_board(), token));
    all.request.load_id[0] = 11;
    all.request.load_id[1] = 12;
    all.request.now_ns = 1000 * second;
    all.request.uid = 1000;
    all.request.value = 0x1234;
    all.request.firmware_kind = DSMIL_FIRMWARE_DELL;
    all.request.old_known = true;
    all.request.old_value = 77;
    all.grant.is_well_formed = true;
    all.grant.is_supported = true;
    all.grant.signer_count = 2;
    all.grant.signers[0] = {
        .is_enrolled = true, .is_checked = true, .has_signed = true, .key = 0, .owner = 0};
    all.grant.signers[1] = {
        .is_enrolled = true, .is_checked = true, .has_signed = true, .key = 1, .owner = 1};
    all.grant.has_room = true;
    all.grant.load_id[0] = 11;
    all.grant.load_id[1] = 12;
    all.grant.expires_ns = 1060 * second;
    all.grant.value = 0x1234;
    all.grant.mask = 0xFFFFFFFF;
    all.grant.old_value = 77;
    all.grant.uid = 1000;
    all.grant.device_id = static_cast<Token>(0x8000 + (token - 0x8000) / 3);
    all.grant.reg = static_cast<std::uint8_t>((token - 0x8000) % 3);
    all.grant.firmware_kind = DSMIL_FIRMWARE_DELL;
    all.grant.expects_old = true;
    return all;
}

unsigned reason_of(Granted all) {
    all.request.grant = &all.grant;
    return decide(cached_table(emulated_board()), all.request).reason;
}

struct Fault {
    const char *name;
    unsigned reason;
    void (*make)(Granted &);
};

// In the order in which they are looked for.
constexpr Fault faults[] = {
    {"malformed", DSMIL_REASON_GRANT_MALFORMED, [](Granted &all) { all.grant.is_well_formed = false; }},
    {"unsupported", DSMIL_REASON_GRANT_UNSUPPORTED, [](Granted &all) { all.grant.is_supported = false; }},
    {"key unknown", DSMIL_REASON_GRANT_KEY_UNKNOWN,
     [](Granted &all) { all.grant.signers[1].is_enrolled = false; }},
    {"bad signature", DSMIL_REASON_GRANT_BAD_SIGNATURE,
     [](Granted &all) { all.grant.signers[1].has_signed = false; }},
    {"unchecked", DSMIL_REASON_GRANT_UNCHECKED,
     [](Granted &all) { all.grant.signers[0].is_checked = false; }},
    {"one owner", DSMIL_REASON_GRANT_SIGNERS, [](Granted &all) { all.grant.signers[1].owner = 0; }},
    {"expired", DSMIL_REASON_GRANT_EXPIRED, [](Granted &all) { all.grant.expires_ns = all.request.now_ns; }},
    {"too long", DSMIL_REASON_GRANT_TOO_LONG,
     [](Granted &all) { all.request.now_ns = all.grant.expires_ns - 300 * second - 1; }},
    {"other load", DSMIL_REASON_GRANT_OTHER_LOAD, [](Granted &all) { all.grant.load_id[1] = 13; }},
    {"other firmware", DSMIL_REASON_GRANT_OTHER_FIRMWARE,
     [](Granted &all) { all.grant.firmware_kind = DSMIL_FIRMWARE_SIM; }},
    {"other register", DSMIL_REASON_GRANT_OTHER_REGISTER,
     [](Granted &all) { all.grant.reg = DSMIL_REG_DATA; }},
    {"other user", DSMIL_REASON_GRANT_OTHER_USER, [](Granted &all) { all.grant.uid = 0; }},
    {"value", DSMIL_REASON_GRANT_VALUE, [](Granted &all) { all.request.value = 0x1235; }},
    {"old value", DSMIL_REASON_GRANT_OLD_VALUE, [](Granted &all) { all.request.old_value = 78; }},
    {"replayed", DSMIL_REASON_GRANT_REPLAYED, [](Granted &all) { all.grant.is_used = true; }},
    {"store full", DSMIL_REASON_GRANT_STORE_FULL, [](Granted &all) { all.grant.has_room = false; }},
};

TEST(GuardGrant, OfTwoOwnersOpensAGuardedRegister) {
    EXPECT_EQ(reason_of(granted(guarded)), unsigned{DSMIL_REASON_ALLOWED});
}

TEST(GuardGrant, EachFaultHasItsReason) {
    for (const auto &fault : faults) {
        Granted all = granted(guarded);
        fault.make(all);
        EXPECT_EQ(reason_of(all), fault.reason) << fault.name;
    }
}

TEST(GuardGrant, TheFirstOfTwoFaultsIsTheReason) {
    for (std::size_t first = 0; first < std::size(faults); first++)
        for (std::size_t other = first + 1; other < std::size(faults); other++) {
            // No time is both behind the end and more than 300 seconds before it.
            if (faults[first].reason == DSMIL_REASON_GRANT_EXPIRED &&
                faults[other].reason == DSMIL_REASON_GRANT_TOO_LONG)
                continue;
            Granted all = granted(guarded);
            faults[other].make(all);
            faults[first].make(all);
            EXPECT_EQ(reason_of(all), faults[first].reason)
                << faults[first].name << ", " << faults[other].name;
        }
}

TEST(GuardGrant, WhoseSignatureCouldNotBeCheckedIsNotCalledForged) {
    for (const std::size_t signer : {0U, 1U}) {
        Granted all = granted(guarded);
        all.grant.signers[signer].is_checked = false;
        all.grant.signers[signer].has_signed = false;
        EXPECT_EQ(reason_of(all), unsigned{DSMIL_REASON_GRANT_UNCHECKED});
    }
}

TEST(GuardGrant, OfOneSignerOpensAMonitoredRegisterAndNoGuardedOne) {
    for (const auto &[token, reason] :
         {std::pair{monitored, DSMIL_REASON_ALLOWED}, std::pair{guarded, DSMIL_REASON_GRANT_SIGNERS}}) {
        Granted all = granted(token);
        all.grant.signer_count = 1;
        EXPECT_EQ(reason_of(all), unsigned{reason});
    }
}

TEST(GuardGrant, OfOneKeyTwiceOpensNoGuardedRegister) {
    Granted all = granted(guarded);
    all.grant.signers[1].key = all.grant.signers[0].key;
    EXPECT_EQ(reason_of(all), unsigned{DSMIL_REASON_GRANT_SIGNERS});
}

TEST(GuardGrant, OfNoSignersOrThreeIsMalformed) {
    for (const unsigned count : {0U, 3U, 255U}) {
        Granted all = granted(monitored);
        all.grant.signer_count = static_cast<std::uint8_t>(count);
        EXPECT_EQ(reason_of(all), unsigned{DSMIL_REASON_GRANT_MALFORMED});
    }
}

TEST(GuardGrant, MayLiveForExactlyThreeHundredSeconds) {
    Granted all = granted(monitored);
    all.request.now_ns = all.grant.expires_ns - 300 * second;
    EXPECT_EQ(reason_of(all), unsigned{DSMIL_REASON_ALLOWED});
    all.request.now_ns = all.grant.expires_ns - 1;
    EXPECT_EQ(reason_of(all), unsigned{DSMIL_REASON_ALLOWED});
}

TEST(GuardGrant, LetsTheValueDifferOutsideTheMask) {
    Granted all = granted(monitored);
    all.grant.mask = 0xFF;
    all.request.value = 0xFFFFFF34;
    EXPECT_EQ(reason_of(all), unsigned{DSMIL_REASON_ALLOWED});
}

TEST(GuardGrant, ThatExpectsAnOldValueFailsWhereItCannotBeRead) {
    Granted all = granted(monitored);
    all.request.old_known = false;
    EXPECT_EQ(reason_of(all), unsigned{DSMIL_REASON_GRANT_OLD_VALUE});
    all.grant.expects_old = false;
    EXPECT_EQ(reason_of(all), unsigned{DSMIL_REASON_ALLOWED});
}

TEST(GuardGrant, StandsForTheCapabilityOnASafeRegister) {
    EXPECT_EQ(reason_of(granted(safe)), unsigned{DSMIL_REASON_ALLOWED});
}

TEST(GuardGrant, ThatIsGivenMustHoldWhereNoneIsNeeded) {
    Granted all = granted(safe);
    all.request.has_rawio = true;
    all.grant.is_used = true;
    EXPECT_EQ(reason_of(all), unsigned{DSMIL_REASON_GRANT_REPLAYED});
}

TEST(GuardGrant, OpensNoQuarantinedNorLockedToken) {
    for (const Token token : no_man_writes)
        EXPECT_NE(reason_of(granted(token)), unsigned{DSMIL_REASON_ALLOWED});
}

TEST(GuardGrant, OpensNothingOfAFirmwareThatTakesNoWrites) {
    Granted all = granted(monitored);
    all.request.firmware_read_only = true;
    EXPECT_EQ(reason_of(all), unsigned{DSMIL_REASON_READ_ONLY});
}

// -------------------------------------------------------- quarantine --

dsmil_quarantine quarantine_of(std::initializer_list<unsigned> numbers) {
    dsmil_quarantine added{};
    for (const unsigned number : numbers)
        added.devices[number / 64] |= std::uint64_t{1} << number % 64;
    return added;
}

Verdict ask_quarantined(Token token, const Board &board, const dsmil_quarantine &added) {
    return decide(table_of(board, added),
                  request_for(token, DSMIL_OPERATION_WRITE, true, location_on(board, token)));
}

TEST(GuardQuarantine, ClosesTheRegistersOfAnAddedDevice) {
    for (const Token token : std::array<Token, 3>{0x800F, 0x8010, 0x8011})
        EXPECT_EQ(ask_quarantined(token, emulated_board(), quarantine_of({5})),
                  (Verdict{false, DSMIL_REASON_QUARANTINED, token, DSMIL_RISK_QUARANTINED}));
}

TEST(GuardQuarantine, ClosesTheTokenThatHasAnAddedDevicesId) {
    EXPECT_EQ(ask_quarantined(0x8010, emulated_board(), quarantine_of({16})),
              (Verdict{false, DSMIL_REASON_QUARANTINED_AS_ID, 0x8010, DSMIL_RISK_QUARANTINED}));
}

TEST(GuardQuarantine, ClosesWhatSharesALocationWithAnAddedDevice) {
    const Board board = {{0x8010, 0x0500}, {0x812D, 0x0500}};
    EXPECT_EQ(ask_quarantined(0x8010, board, quarantine_of({100})),
              (Verdict{false, DSMIL_REASON_ALIAS, 0x812D, DSMIL_RISK_QUARANTINED}));
}

TEST(GuardQuarantine, NeverOpensAnything) {
    for (unsigned seed = 0; seed < 100; seed++) {
        std::mt19937 random(seed);
        const Board board = random_board(random);
        dsmil_quarantine some{}, more{};
        for (unsigned number = 0; number < DSMIL_DEVICE_COUNT; number++) {
            const std::uint64_t bit = std::uint64_t{1} << number % 64;
            some.devices[number / 64] |= random() % 4 == 0 ? bit : 0;
            more.devices[number / 64] |= random() % 4 == 0 ? bit : 0;
        }
        more.devices[0] |= some.devices[0];
        more.devices[1] |= some.devices[1];
        for (unsigned token = DSMIL_TOKEN_BASE; token < DSMIL_TOKEN_BASE + DSMIL_TOKEN_COUNT; token++) {
            const Verdict before = ask_quarantined(static_cast<Token>(token), board, some);
            const Verdict after = ask_quarantined(static_cast<Token>(token), board, more);
            EXPECT_TRUE(before.allowed || !after.allowed) << "seed " << seed << " token " << token;
            EXPECT_GE(after.rule_risk, before.rule_risk);
        }
    }
}

TEST(Guard, AllowsReadingEveryRegister) {
    for (unsigned token = DSMIL_TOKEN_BASE; token < DSMIL_TOKEN_BASE + DSMIL_TOKEN_COUNT; token++)
        EXPECT_TRUE(ask(static_cast<Token>(token), DSMIL_OPERATION_READ, false, {}, std::nullopt).allowed);
}

} // namespace
