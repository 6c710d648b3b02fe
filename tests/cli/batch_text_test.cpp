// SPDX-License-Identifier: Apache-2.0
#include "batch_text.hpp"

#include <gtest/gtest.h>
#include <linux/dsmil.h>
#include <string>

namespace {

using dsmil::Code;
using std::string_view_literals::operator""sv;

TEST(Batch, ALineThatMakesNoSenseIsAnErrorThatNamesIt) {
    const struct {
        std::string_view line;
        Code code;
    } wrong[] = {{"fly 0x8005 STATUS"sv, Code::usage},
                 {"read"sv, Code::usage},
                 {"read 0x8005"sv, Code::usage},
                 {"read 0x8005 STATUS 1"sv, Code::usage},
                 {"READ 0x8005 STATUS"sv, Code::usage},
                 {"read 0x9000 STATUS"sv, Code::device_unknown},
                 {"read 0x8005 COLOUR"sv, Code::register_unknown},
                 {"write 0x8005 CONFIG"sv, Code::usage},
                 {"write 0x8005 CONFIG many"sv, Code::usage},
                 {"write 0x8005 CONFIG 0x100000000"sv, Code::usage},
                 {"write 0x8005 CONFIG 1 grant="sv, Code::usage},
                 {"write 0x8005 CONFIG 1 one.grant"sv, Code::usage},
                 {"write 0x8005 CONFIG 1 grant=a grant=b"sv, Code::usage},
                 {"write 0x8005 CONFIG # 1"sv, Code::usage},
                 {"read 0x8005 STATUS\0"sv, Code::register_unknown}};
    for (const auto &[line, code] : wrong) {
        const auto batch = dsmilctl::parse_batch("\nread 0x8000 STATUS\n" + std::string(line) + "\n");
        ASSERT_FALSE(batch) << line;
        EXPECT_EQ(batch.error().code, code) << line;
        EXPECT_NE(batch.error().detail.find("line 3"), std::string::npos) << line;
    }
}

TEST(Batch, NothingIsNoBatch) {
    for (const auto text : {""sv, "\n"sv, " \t\r\n"sv, "# read 0x8000 STATUS"sv}) {
        EXPECT_EQ(dsmilctl::parse_batch(text).error().code, Code::usage);
    }
}

TEST(Batch, MoreThanTheKernelTakesIsAnError) {
    std::string text;
    for (int i = 0; i < DSMIL_BATCH_MAX; i++) {
        text += "read 0x8000 STATUS\n";
    }
    EXPECT_EQ(dsmilctl::parse_batch(text)->size(), DSMIL_BATCH_MAX);
    EXPECT_EQ(dsmilctl::parse_batch(text + "read 0 STATUS").error().code, Code::usage);
}

TEST(Batch, OperationsComeInTheirOrder) {
    const auto batch = dsmilctl::parse_batch("  read\tdata-destruction status # why not\r\n"
                                             "\n"
                                             "write 0x8005 CONFIG 0x2A\n"
                                             "write 5 2 7 grant=/tmp/one=two");
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch->size(), 3U);
    EXPECT_EQ((*batch)[0].device->id, 0x8009);
    EXPECT_EQ((*batch)[0].reg, dsmil::Register::status);
    EXPECT_FALSE((*batch)[0].value);
    EXPECT_EQ((*batch)[1].value, 0x2AU);
    EXPECT_EQ((*batch)[1].grant, "");
    EXPECT_EQ((*batch)[2].reg, dsmil::Register::data);
    EXPECT_EQ((*batch)[2].grant, "/tmp/one=two");
}

} // namespace
