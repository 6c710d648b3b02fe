// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "ledger_record.hpp"
#include "output.hpp"

#include <gtest/gtest.h>

namespace {

using dsmil::Code;

TEST(Answer, WhatIsNoJsonObjectIsAFailure) {
    for (const auto *body : {"", "{", "[]", "1", "null", "{\"a\":1}x", "\xff\xfe"}) {
        EXPECT_EQ(dsmilctl::decode_object("dsmild", body).error().code, Code::failed) << body;
    }
}

TEST(Answer, NestingIsBounded) {
    const auto deep = "{\"a\":" + std::string(10'000, '[') + std::string(10'000, ']') + "}";
    EXPECT_FALSE(dsmilctl::decode_object("dsmild", deep));
}

TEST(Answer, AnErrorWithoutReasonNamesTheStatus) {
    const auto error = dsmilctl::decode_error(502, "<html>");
    EXPECT_EQ(error.code, Code::failed);
    EXPECT_NE(error.detail.find("502"), std::string::npos);
}

TEST(Answer, AnErrorKeepsItsCodeDetailAndCauses) {
    const auto error = dsmilctl::decode_error(
        403,
        R"({"error":{"code":"permission","detail":"role operator","causes":["uid 1000 has no role",7]}})");
    EXPECT_EQ(error.code, Code::permission);
    EXPECT_EQ(error.detail, "role operator");
    EXPECT_EQ(error.causes, std::vector<std::string>{"uid 1000 has no role"});
}

TEST(Answer, NumbersMustBeWholeAndNotNegative) {
    for (const auto *body : {R"({"n":-1})", R"({"n":1.5})", R"({"n":"1"})", R"({"m":1})", R"({"n":1e3})"}) {
        const auto object = dsmilctl::decode_object("dsmild", body);
        ASSERT_TRUE(object) << body;
        EXPECT_FALSE(dsmilctl::number_member(*object, "n")) << body;
    }
}

TEST(Records, WrongRecordsAreAFailure) {
    for (const auto *body :
         {R"({})", R"({"records":{}})", R"({"records":[1]})", R"({"records":[{}]})",
          R"({"records":[{"sequence":-1}]})", R"({"records":[{"sequence":2},{"sequence":2}]})",
          R"({"records":[{"sequence":2},{"sequence":1}]})"}) {
        EXPECT_EQ(dsmilctl::decode_records(body).error().code, Code::failed) << body;
    }
}

TEST(Records, ALineHasWhoDidWhatAndNothingThatATerminalWouldObey) {
    const auto records = dsmilctl::decode_records("{\"records\":[{\"sequence\":7,\"time\":\"2026-01-01T00:00:"
                                                  "00Z\",\"source\":\"kernel\",\"action\":\"write\","
                                                  "\"outcome\":\"refused\",\"boot_id\":\"00\",\"actor\":{"
                                                  "\"uid\":0,\"comm\":\"\\u001b[2Jx\"},\"reg\":null}]}");
    ASSERT_TRUE(records);
    EXPECT_EQ(dsmilctl::record_line(records->front().get_object()),
              "2026-01-01T00:00:00Z 7 kernel write refused uid=0 comm=?[2Jx");
}

TEST(Printable, ControlAndForeignBytesBecomeQuestionMarks) {
    EXPECT_EQ(dsmilctl::printable("a\x1b[31m\n\x7f\xc3\xa4z"), "a?[31m????z");
}

} // namespace
