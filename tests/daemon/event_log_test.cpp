// SPDX-License-Identifier: Apache-2.0
// The firmware's log: what is read of it, what it leads to, and what is not believed.
#include "attest/event_log.hpp"
#include "base/sha256.hpp"
#include "log_support.hpp"

#include <gtest/gtest.h>

namespace dsmil::attest {
namespace {

using test::LogBuilder;
using std::string_view_literals::operator""sv;

constexpr std::uint32_t ev_no_action = 3;
constexpr std::uint32_t ev_separator = 4;
constexpr std::uint32_t ev_s_crtm_version = 8;
constexpr std::uint32_t ev_efi_action = 0x80000007;
constexpr std::uint32_t ev_efi_application = 0x80000003;
constexpr std::uint32_t ev_efi_variable_driver_config = 0x80000001;
constexpr auto zeros = "\0\0\0\0"sv;
constexpr auto locality_3 = "StartupLocality\0\3"sv;

Bytes hash_of(std::string_view text) {
    const auto hash = sha256(as_bytes(text));
    return {hash.begin(), hash.end()};
}

void refuses(ByteView log, Code code, const std::string &why, HashAlg bank = HashAlg::sha256) {
    const auto parsed = parse_event_log(log, bank);
    ASSERT_FALSE(parsed) << why;
    EXPECT_EQ(parsed.error().code, code);
    EXPECT_NE(parsed.error().detail.find(why), std::string::npos) << parsed.error().detail;
}

TEST(EventLog, ReplayExtendsEachPcrInTurn) {
    LogBuilder log;
    log.event(0, ev_s_crtm_version, "v\0"sv).event(4, ev_efi_action, "boot").event(0, ev_separator, zeros);
    const auto parsed = parse_event_log(log.bytes(), HashAlg::sha256).value();
    EXPECT_TRUE(parsed.crypto_agile);
    ASSERT_EQ(parsed.events.size(), 4U);
    const auto values = replay(parsed);
    ASSERT_EQ(values.size(), 2U);
    EXPECT_TRUE(values.at(0) == test::extended_with({hash_of("v\0"sv), hash_of(zeros)}));
    EXPECT_TRUE(values.at(4) == test::extended_with({hash_of("boot")}));
}

TEST(EventLog, AnOldLogHasSha1Only) {
    LogBuilder log(LogBuilder::Form::old);
    log.event(4, ev_efi_action, "boot");
    const auto parsed = parse_event_log(log.bytes(), HashAlg::sha1).value();
    EXPECT_FALSE(parsed.crypto_agile);
    const Digest before(20);
    const auto expected =
        digest(HashAlg::sha1, {before.view(), digest(HashAlg::sha1, as_bytes("boot")).view()});
    EXPECT_TRUE(replay(parsed).at(4) == expected);
    refuses(log.bytes(), Code::malformed, "it is of the old form, which has SHA-1 only");
}

TEST(EventLog, ABankThatIsNotThereIsSaid) {
    refuses(LogBuilder().bytes(), Code::malformed, "it has no sha384 digests", HashAlg::sha384);
}

TEST(EventLog, WhatIsNoActionIsNotExtended) {
    LogBuilder log;
    log.event(0, ev_no_action, "whatever");
    EXPECT_TRUE(replay(parse_event_log(log.bytes(), HashAlg::sha256).value()).empty());
}

TEST(EventLog, TheLocalityOfTheStartIsWherePcr0Begins) {
    LogBuilder log;
    log.event(0, ev_no_action, locality_3).event(0, ev_separator, zeros);
    const auto parsed = parse_event_log(log.bytes(), HashAlg::sha256).value();
    EXPECT_EQ(parsed.startup_locality, 3);
    Hash begin{};
    begin.back() = 3;
    EXPECT_TRUE(replay(parsed).at(0) == sha256({begin, hash_of(zeros)}));
}

TEST(EventLog, TheLocalityOfTheStartHasItsPlace) {
    LogBuilder late;
    late.event(0, ev_separator, zeros).event(0, ev_no_action, locality_3);
    refuses(late.bytes(), Code::malformed, "event 2 says at which locality");
    LogBuilder twice;
    twice.event(0, ev_no_action, locality_3).event(0, ev_no_action, locality_3);
    refuses(twice.bytes(), Code::malformed, "event 2 says at which locality");
    LogBuilder changed;
    changed.event(0, ev_no_action, "StartupLocality\0\0"sv).event(0, ev_no_action, locality_3);
    refuses(changed.bytes(), Code::malformed, "event 2 says at which locality");
    LogBuilder elsewhere;
    elsewhere.event(1, ev_no_action, locality_3);
    refuses(elsewhere.bytes(), Code::malformed, "event 1 says at which locality");
    for (const auto locality : {"StartupLocality\0\1"sv, "StartupLocality\0\xFF"sv}) {
        LogBuilder none;
        none.event(0, ev_no_action, locality);
        refuses(none.bytes(), Code::malformed, "event 1 says at which locality");
    }
}

TEST(EventLog, AnUnknownTypeIsAnErrorAndIsNotSkipped) {
    LogBuilder log;
    log.event(0, 0x80000099, "new");
    refuses(log.bytes(), Code::malformed, "event 1 is of type 0x80000099");
}

TEST(EventLog, ATypeThatWasChangedToASeparatorIsNoticed) {
    LogBuilder log;
    log.event(4, ev_separator, "shim.efi");
    refuses(log.bytes(), Code::attestation_failed, "event 1 says that it is the separator of PCR 4");
}

TEST(EventLog, ATypeThatWasChangedToNoActionLeadsElsewhere) {
    LogBuilder honest;
    honest.event(4, ev_efi_application, "path", "image");
    LogBuilder swapped;
    swapped.event(4, ev_no_action, "path", "image");
    EXPECT_TRUE(replay(parse_event_log(honest.bytes(), HashAlg::sha256).value()).contains(4));
    EXPECT_FALSE(replay(parse_event_log(swapped.bytes(), HashAlg::sha256).value()).contains(4));
}

TEST(EventLog, ASeparatorAfterAnErrorIsOne) {
    LogBuilder log;
    log.event(4, ev_separator, "why", "\1\0\0\0"sv).event(5, ev_separator, "\xFF\xFF\xFF\xFF");
    log.event(6, ev_separator, "\1\0\0\0"sv).event(0, ev_separator, zeros);
    const auto parsed = parse_event_log(log.bytes(), HashAlg::sha256).value();
    EXPECT_EQ(describe(parsed.events[1]), "the separator of an error: measuring failed");
    EXPECT_EQ(describe(parsed.events[2]), "the separator");
    EXPECT_EQ(describe(parsed.events[3]), "the separator of an error: measuring failed");
    EXPECT_EQ(describe(parsed.events[4]), "the separator");
}

TEST(EventLog, BeyondTheFirmwaresPcrsASeparatorMayHaveFourLetters) {
    LogBuilder log;
    log.event(12, ev_separator, "WBCL");
    EXPECT_TRUE(parse_event_log(log.bytes(), HashAlg::sha256));
    LogBuilder early;
    early.event(7, ev_separator, "WBCL");
    refuses(early.bytes(), Code::attestation_failed, "separator of PCR 7");
    LogBuilder other;
    other.event(12, ev_separator, "WBCL", "something else");
    refuses(other.bytes(), Code::attestation_failed, "separator of PCR 12");
}

TEST(EventLog, OnlyDataThatTheDigestCoversIsDescribed) {
    LogBuilder log;
    log.event(5, ev_efi_action, "Exit Boot Services")
        .event(5, ev_efi_action, "Exit Boot Services", "something else")
        .event(0, ev_s_crtm_version, "1\0.\0\0\0"sv);
    const auto parsed = parse_event_log(log.bytes(), HashAlg::sha256).value();
    EXPECT_EQ(describe(parsed.events[0]), "not measured");
    EXPECT_EQ(describe(parsed.events[1]), "Exit Boot Services");
    EXPECT_EQ(describe(parsed.events[2]), "not covered by its digest");
    EXPECT_EQ(describe(parsed.events[3]), "version 1.");
}

TEST(EventLog, AVariableIsDescribedByNameAndValue) {
    Bytes data(16, 0xAB);
    test::put_little(data, 2, 8);
    test::put_little(data, 1, 8);
    const auto name_and_value = as_bytes("P\0K\0\1"sv);
    data.insert(data.end(), name_and_value.begin(), name_and_value.end());
    LogBuilder log;
    log.event(7, ev_efi_variable_driver_config, as_text(data));
    data.back() = 2;
    data.push_back(3); // More than it says.
    log.event(7, ev_efi_variable_driver_config, as_text(data));
    const auto parsed = parse_event_log(log.bytes(), HashAlg::sha256).value();
    EXPECT_EQ(describe(parsed.events[1]), "variable PK of abababab-abab-abab-abab-abababababab: 01");
    EXPECT_EQ(describe(parsed.events[2]), "not the data of a variable");
}

TEST(EventLog, WhatATerminalWouldObeyIsNotDescribed) {
    LogBuilder log;
    log.event(5, ev_efi_action, "\x1b[2J");
    EXPECT_EQ(describe(parse_event_log(log.bytes(), HashAlg::sha256).value().events[1]), "?[2J");
}

TEST(EventLog, APcrThatNoTpmHasIsRefused) {
    LogBuilder log;
    log.event(24, ev_efi_action, "x");
    refuses(log.bytes(), Code::malformed, "event 1 is of PCR 24");
}

TEST(EventLog, EveryCutLogIsRefused) {
    LogBuilder log;
    log.event(0, ev_separator, zeros);
    const std::size_t first = LogBuilder().bytes().size();
    for (std::size_t size = 0; size < log.bytes().size(); size++) {
        const auto parsed = parse_event_log(ByteView(log.bytes()).first(size), HashAlg::sha256);
        EXPECT_EQ(parsed.has_value(), size == first) << size; // Cut between two events it is a shorter log.
    }
}

TEST(EventLog, AFirstEventThatIsDamagedIsRefused) {
    const Bytes good = LogBuilder().bytes();
    const auto with = [&](std::size_t at, std::uint8_t value) {
        Bytes log = good;
        log.at(at) = value;
        return log;
    };
    const std::size_t algorithms = 32 + 24;
    refuses(with(algorithms, 0), Code::malformed, "names 0 hash algorithms");
    refuses(with(algorithms, 17), Code::malformed, "names 17 hash algorithms");
    refuses(with(algorithms, 9), Code::malformed, "digests of algorithm");
    refuses(with(algorithms + 6, 21), Code::malformed, "digests of algorithm 0x0004 have 21 bytes");
    refuses(with(algorithms + 4, 5), Code::malformed, "", HashAlg::sha1); // another number
    Bytes twice = good;
    twice.at(algorithms + 4) = 0x0B;
    twice.at(algorithms + 6) = 32;
    refuses(twice, Code::malformed, "names algorithm 0x000b twice");
}

TEST(EventLog, AnEventWithoutADigestOfTheBankIsRefusedInThatBankOnly) {
    Bytes log = LogBuilder().bytes();
    for (const std::uint32_t number : {5U, ev_efi_action, 1U}) { // one digest of two
        test::put_little(log, number, 4);
    }
    test::put_little(log, 4, 2);
    const auto sha1 = digest(HashAlg::sha1, as_bytes("x"));
    log.insert(log.end(), sha1.view().begin(), sha1.view().end());
    test::put_little(log, 1, 4);
    log.push_back('x');
    EXPECT_EQ(describe(parse_event_log(log, HashAlg::sha1).value().events.at(1)), "x");
    refuses(log, Code::malformed, "event 1 has no sha256 digest");
}

TEST(EventLog, TextOfSixteenBitsIsReadToo) {
    LogBuilder log;
    log.event(12, 0x0D, "q\0u\0i\0e\0t\0\0\0"sv);
    EXPECT_EQ(describe(parse_event_log(log.bytes(), HashAlg::sha256).value().events.at(1)), "quiet");
}

TEST(EventLog, DigestsThatWereNotAnnouncedAreRefused) {
    LogBuilder log;
    log.event(0, ev_separator, zeros);
    const std::size_t event = LogBuilder().bytes().size();
    Bytes changed = log.bytes();
    changed.at(event + 8) = 3;
    refuses(changed, Code::malformed, "event 1 has 3 digests, 2 were announced");
    changed.at(event + 8) = 0;
    refuses(changed, Code::malformed, "event 1 has 0 digests, 2 were announced");
    changed = log.bytes();
    changed.at(event + 12 + 2 + 20) = 4; // SHA-1 twice
    refuses(changed, Code::malformed, "event 1 has a digest of algorithm 0x0004");
}

} // namespace
} // namespace dsmil::attest
