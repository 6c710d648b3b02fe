// SPDX-License-Identifier: Apache-2.0
#include "dsmil/error.hpp"

#include <array>
#include <cerrno>
#include <gtest/gtest.h>
#include <set>

namespace {

using dsmil::Code;
using dsmil::Error;

constexpr std::array codes = {
#define DSMIL_ERROR(code, exit, http, message, remedy) Code::code,
#include "dsmil/errors.def"
#undef DSMIL_ERROR
};

TEST(Error, AnUnknownNameIsTheGeneralFailure) {
    EXPECT_EQ(dsmil::code_from_name("of_a_newer_release"), Code::failed);
    EXPECT_EQ(dsmil::code_from_name(""), Code::failed);
}

TEST(Error, EveryCodeIsFoundByItsName) {
    for (const auto code : codes) {
        EXPECT_EQ(dsmil::code_from_name(dsmil::info(code).name), code);
    }
}

TEST(Error, EveryCodeHasAMessageARemedyAndKnownStatuses) {
    const std::set<int> exits = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 75};
    for (const auto code : codes) {
        const auto &info = dsmil::info(code);
        EXPECT_FALSE(info.message.empty()) << info.name;
        EXPECT_FALSE(info.remedy.empty()) << info.name;
        EXPECT_TRUE(exits.contains(info.exit)) << info.name;
        EXPECT_TRUE(info.http >= 400 && info.http < 600) << info.name;
    }
}

TEST(Error, ContextPushesTheDetailDownToTheCauses) {
    const auto error = Error{Code::firmware_failed, "inner", {"root"}}.in("outer");
    EXPECT_EQ(error.code, Code::firmware_failed);
    EXPECT_EQ(error.detail, "outer");
    EXPECT_EQ(error.causes, (std::vector<std::string>{"inner", "root"}));
}

TEST(Error, ContextOfAnErrorWithoutDetailAddsNoEmptyCause) {
    EXPECT_TRUE((Error{Code::failed, "", {}}.in("outer").causes.empty()));
}

TEST(Error, AnErrnoValueBecomesTheCause) {
    const dsmil::Result<void> result = dsmil::fail_errno(Code::permission, "opening x", EACCES);
    EXPECT_EQ(result.error().causes, std::vector<std::string>{"Permission denied"});
}

} // namespace
