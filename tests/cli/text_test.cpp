// SPDX-License-Identifier: Apache-2.0
#include "text.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace {

using dsmil::Code;
using std::string_view_literals::operator""sv;

constexpr std::uint64_t limit32 = std::numeric_limits<std::uint32_t>::max();

TEST(Number, WhatIsNoNumberIsAUsageError) {
    for (const auto text : {""sv, "0x"sv, "x"sv, "0x1G"sv, "1 "sv, " 1"sv, "-1"sv, "+1"sv, "0x-1"sv, "1.0"sv,
                            "1e3"sv, "0b1"sv, "1\0"sv}) {
        EXPECT_EQ(dsmilctl::parse_number("VALUE", text, limit32).error().code, Code::usage) << text;
    }
}

TEST(Number, OutOfRangeIsAUsageErrorThatNamesTheLimit) {
    for (const auto text : {"4294967296"sv, "0x100000000"sv, "99999999999999999999999"sv}) {
        const auto number = dsmilctl::parse_number("VALUE", text, limit32);
        ASSERT_FALSE(number) << text;
        EXPECT_NE(number.error().detail.find("0xFFFFFFFF"), std::string::npos);
    }
}

TEST(Number, DecimalAndHexadecimalAreTaken) {
    EXPECT_EQ(dsmilctl::parse_number("VALUE", "0xFFFFFFFF", limit32), limit32);
    EXPECT_EQ(dsmilctl::parse_number("VALUE", "0Xff", limit32), 255U);
    EXPECT_EQ(dsmilctl::parse_number("VALUE", "010", limit32), 10U);
}

TEST(Pcrs, WrongListsAreUsageErrors) {
    for (const auto text : {""sv, ","sv, "0,"sv, ",0"sv, "24"sv, "0,0"sv, "1,x"sv, "0 1"sv}) {
        EXPECT_EQ(dsmilctl::parse_pcrs(text).error().code, Code::usage) << text;
    }
}

TEST(Pcrs, TheListIsSorted) {
    EXPECT_EQ(dsmilctl::parse_pcrs("7,0,23"), (std::vector<unsigned>{0, 7, 23}));
}

TEST(Hex, WrongDigitsAndLengthsAreUsageErrors) {
    for (const auto text : {""sv, "0"sv, "000"sv, "0g"sv, "zz"sv, "0x00"sv, "112233"sv, "- 1"sv, "-1"sv}) {
        EXPECT_EQ(dsmilctl::parse_hex("nonce", text, 1, 2).error().code, Code::usage) << text;
    }
}

TEST(Hex, BytesComeBackAsTheyWent) {
    const auto bytes = dsmilctl::parse_hex("nonce", "00fFa5", 1, 3);
    ASSERT_TRUE(bytes);
    EXPECT_EQ(dsmil::to_hex(*bytes), "00ffa5");
}

TEST(Group, UnknownGroupsAreUsageErrorsThatListTheGroups) {
    const auto group = dsmilctl::parse_group("9");
    ASSERT_FALSE(group);
    EXPECT_EQ(group.error().code, Code::usage);
    EXPECT_NE(group.error().detail.find("8 (advanced)"), std::string::npos);
}

TEST(Group, ANumberAndANameAreTaken) {
    EXPECT_EQ(dsmilctl::parse_group("4"), 4);
    EXPECT_EQ(dsmilctl::parse_group("Storage-Management"), 4);
}

TEST(Risk, UnknownRisksAreUsageErrors) {
    EXPECT_EQ(dsmilctl::parse_risk("danger").error().code, Code::usage);
}

TEST(Risk, ANameIsTakenInAnyCase) {
    EXPECT_EQ(dsmilctl::parse_risk("Quarantined"), dsmil::Risk::quarantined);
}

TEST(Device, UnknownDevicesAndRegistersHaveTheirOwnErrors) {
    EXPECT_EQ(dsmilctl::parse_device("108").error().code, Code::device_unknown);
    EXPECT_EQ(dsmilctl::parse_register("FLAGS").error().code, Code::register_unknown);
}

TEST(Time, NanosecondsBecomeUtcWithMicroseconds) {
    EXPECT_EQ(dsmilctl::utc(1'700'000'000'123'456'789), "2023-11-14T22:13:20.123456Z");
}

TEST(Time, DurationsHaveTwoUnits) {
    EXPECT_EQ(dsmilctl::duration(59), "0 min 59 s");
    EXPECT_EQ(dsmilctl::duration(3661), "1 h 1 min");
    EXPECT_EQ(dsmilctl::duration(90000), "1 d 1 h");
}

} // namespace
