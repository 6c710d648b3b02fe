// SPDX-License-Identifier: Apache-2.0
// The operations on the TPM itself, over a software TPM, judged by tpm2-tools and openssl.
#include "api/tpm_api.hpp"
#include "base/file.hpp"
#include "tpm_api_fixture.hpp"

#include <boost/json/array.hpp>
#include <gtest/gtest.h>

namespace dsmil::api {
namespace {

using boost::json::array;
using boost::json::object;
using Operation = TpmOperation;

constexpr auto data_index = "0x01801000";
constexpr auto counter_index = "0x01801001";
constexpr auto extend_index = "0x01801002";

TEST(TpmRequest, RefusesWhatIsMalformedOrTooLarge) {
    const std::string hex32(64, 'a');
    for (const auto &[operation, body] : std::vector<std::pair<Operation, std::string>>{
             {Operation::random, ""},
             {Operation::random, "[]"},
             {Operation::random, "{}"},
             {Operation::random, R"({"bytes":0})"},
             {Operation::random, R"({"bytes":1025})"},
             {Operation::random, R"({"bytes":-1})"},
             {Operation::random, R"({"bytes":"1"})"},
             {Operation::random, R"({"bytes":18446744073709551615})"},
             {Operation::random, R"({"bytes":1,"pcr":1})"},
             {Operation::pcr_read, R"({"pcrs":[]})"},
             {Operation::pcr_read, R"({"pcrs":[24]})"},
             {Operation::pcr_extend, R"({"pcr":24,"digest":")" + hex32 + R"("})"},
             {Operation::pcr_extend, R"({"pcr":16,"digest":"aa"})"},
             {Operation::pcr_extend, R"({"pcr":16})"},
             {Operation::nv_define, R"({"index":"0x01801000"})"},
             {Operation::nv_define, R"({"index":"0x01801000","kind":"data"})"},
             {Operation::nv_define, R"({"index":"0x01801000","kind":"data","size":2049})"},
             {Operation::nv_define, R"({"index":"0x01801000","kind":"counter","size":8})"},
             {Operation::nv_define, R"({"index":"0x01801000","kind":"bits"})"},
             {Operation::nv_define, R"({"index":"01801000","kind":"counter"})"},
             {Operation::nv_define, R"({"index":"0x1801000","kind":"counter"})"},
             {Operation::nv_define, R"({"index":25169920,"kind":"counter"})"},
             {Operation::nv_define, R"({"index":"0x01801000","kind":"counter","secret":""})"},
             {Operation::nv_define,
              R"({"index":"0x01801000","kind":"counter","secret":"aa)" + hex32 + R"("})"},
             {Operation::nv_write, R"({"index":"0x01801000","data":""})"},
             {Operation::nv_write,
              R"({"index":"0x01801000","data":")" + std::string(2 * 2049, '0') + R"("})"},
             {Operation::nv_extend,
              R"({"index":"0x01801000","data":")" + std::string(2 * 513, '0') + R"("})"},
             {Operation::nv_undefine, R"({"index":"0x01801000","secret":"aa"})"},
             {Operation::seal, R"({"data":"00"})"},
             {Operation::seal, R"({"data":"","pcrs":[7]})"},
             {Operation::seal, R"({"data":")" + std::string(2 * 129, '0') + R"(","pcrs":[7]})"},
             {Operation::seal, R"({"data":"00","pcrs":[7],"recovery":1})"},
             {Operation::seal, R"({"data":"00","pcrs":[7],"approver":{"public_pem":"x"}})"},
             {Operation::seal, R"({"data":"00","pcrs":[7],"approver":{"x":"x"}})"},
             {Operation::seal, R"({"data":"00","nv":{"index":"0x01801000","operand":"00"}})"},
             {Operation::seal,
              R"({"data":"00","nv":{"index":"0x01801000","operand":"00","comparison":"more"}})"},
             {Operation::unseal, R"({})"},
             {Operation::unseal, R"({"sealed":{}})"},
             {Operation::unseal, R"({"sealed":7})"},
         }) {
        const auto request = parse_tpm_request(body, operation);
        ASSERT_FALSE(request) << body;
        EXPECT_EQ(request.error().code, Code::usage) << body;
    }
    const auto request = parse_tpm_request(
        R"({"data":"00","nv":{"index":"0x01801000","operand":"00ff","comparison":"at_least"}})",
        Operation::seal);
    ASSERT_TRUE(request) << request.error().detail;
    EXPECT_EQ(request->condition->index, 0x01801000U);
    EXPECT_EQ(request->condition->comparison, tpm::policy::Comparison::unsigned_ge);
}

class TestClock final : public Clock {
  public:
    [[nodiscard]] std::uint64_t boottime_ns() const override { return boottime; }
    [[nodiscard]] std::uint64_t realtime_ns() const override { return 5; }
    std::uint64_t boottime = TpmApi::day_ns;
};

class TpmApiTest : public WithTpmAndLedger {
  protected:
    Result<object> ask(Operation operation, const object &body) {
        return ask_with([&](const Request &request,
                            Then<Result<Response>> then) { api.handle(operation, request, std::move(then)); },
                        body);
    }
    Code code_of(Operation operation, const object &body) {
        const auto answer = ask(operation, body);
        return answer ? Code::internal : answer.error().code;
    }
    // The daemon's connection ends, so that tpm2-tools get theirs: swtpm has one at a time.
    std::string judge(std::vector<std::string> arguments) {
        if (tpm) {
            EXPECT_TRUE(tpm->stop(std::chrono::seconds(60)));
            tpm.reset();
        }
        arguments.insert(arguments.begin() + 1, {"-T", swtpm.tcti()});
        EXPECT_EQ(test::run_program(arguments, directory.path("judged")), 0) << arguments.front();
        return read_file(directory.path("judged"), 1 << 16).value_or("");
    }
    std::string file(const char *name, std::string_view content) {
        EXPECT_TRUE(write_file(directory.path(name), as_bytes(content), 0600));
        return directory.path(name);
    }
    void openssl(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "openssl");
        ASSERT_EQ(test::run_program(arguments), 0) << arguments[1];
    }

    TestClock clock;
    TpmApi api{
        clock, ledger, *tpm,
        TpmLimits{
            .extend_pcrs = {16, 23}, .nv_first = 0x01801000, .nv_last = 0x018010FF, .nv_writes_per_day = 7}};
};

TEST_F(TpmApiTest, RandomBytesDiffer) {
    const auto first = ask(Operation::random, {{"bytes", 100}});
    const auto second = ask(Operation::random, {{"bytes", 100}});
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->at("bytes").as_string().size(), 200U);
    EXPECT_NE(first->at("bytes"), second->at("bytes"));
    EXPECT_TRUE(recorded().empty());
}

TEST_F(TpmApiTest, APcrIsExtendedWhereTheConfigurationAllowsIt) {
    const std::string digest(64, '1');
    const auto extended = ask(Operation::pcr_extend, {{"pcr", 16}, {"digest", digest}});
    ASSERT_TRUE(extended) << extended.error().detail;
    const auto expected = to_hex(sha256({Bytes(32), *from_hex(digest)}));
    EXPECT_EQ(extended->at("value").as_string(), expected);
    const auto read = ask(Operation::pcr_read, {{"pcrs", array{16, 7}}});
    EXPECT_EQ(read->at("pcrs").at("16").as_string(), expected);
    EXPECT_EQ(code_of(Operation::pcr_extend, {{"pcr", 7}, {"digest", digest}}), Code::permission);
    EXPECT_EQ(recorded(), std::vector<std::string>{"pcr_extend ok"});
    std::string judged = judge({"tpm2_pcrread", "sha256:16"});
    for (auto &c : judged) {
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    EXPECT_TRUE(judged.contains(expected)) << judged;
}

TEST_F(TpmApiTest, WhatIsWrittenToTheMemoryIsWhatTpm2NvreadReads) {
    EXPECT_EQ(code_of(Operation::nv_read, {{"index", data_index}}), Code::not_found);
    ASSERT_TRUE(ask(Operation::nv_define, {{"index", data_index}, {"kind", "data"}, {"size", 4}}));
    EXPECT_EQ(code_of(Operation::nv_define, {{"index", data_index}, {"kind", "data"}, {"size", 4}}),
              Code::exists);
    const auto empty = ask(Operation::nv_read, {{"index", data_index}});
    ASSERT_TRUE(empty) << empty.error().detail;
    EXPECT_TRUE(empty->at("data").is_null());
    EXPECT_EQ(code_of(Operation::nv_write, {{"index", data_index}, {"data", "0102030405"}}), Code::usage);
    const auto written = ask(Operation::nv_write, {{"index", data_index}, {"data", "01020304"}});
    ASSERT_TRUE(written) << written.error().detail;
    EXPECT_EQ(written->at("data").as_string(), "01020304");
    EXPECT_NE(written->at("name"), empty->at("name"));
    EXPECT_EQ(code_of(Operation::nv_increment, {{"index", data_index}}), Code::conflict);
    EXPECT_EQ(judge({"tpm2_nvread", "-C", data_index, data_index}), std::string("\x01\x02\x03\x04"));
    EXPECT_EQ(recorded(), (std::vector<std::string>{"nv_define ok", "nv_define failed", "nv_write failed",
                                                    "nv_write ok", "nv_increment failed"}));
}

TEST_F(TpmApiTest, CountersCountAndExtendIndicesHash) {
    ASSERT_TRUE(
        ask(Operation::nv_define, {{"index", counter_index}, {"kind", "counter"}, {"secret", "aabb"}}));
    EXPECT_EQ(code_of(Operation::nv_increment, {{"index", counter_index}}), Code::tpm_auth);
    const object with_secret = {{"index", counter_index}, {"secret", "aabb"}};
    const auto first = ask(Operation::nv_increment, with_secret);
    const auto second = ask(Operation::nv_increment, with_secret);
    ASSERT_TRUE(first && second);
    const auto count = [](const object &answer) {
        return std::stoull(std::string(answer.at("data").as_string()), nullptr, 16);
    };
    EXPECT_EQ(count(*second), count(*first) + 1);
    ASSERT_TRUE(ask(Operation::nv_define, {{"index", extend_index}, {"kind", "extend"}}));
    const auto extended = ask(Operation::nv_extend, {{"index", extend_index}, {"data", "00ff"}});
    ASSERT_TRUE(extended) << extended.error().detail;
    EXPECT_EQ(extended->at("data").as_string(), to_hex(sha256({Bytes(32), Bytes{0x00, 0xFF}})));
    ASSERT_TRUE(ask(Operation::nv_undefine, {{"index", extend_index}}));
    EXPECT_EQ(code_of(Operation::nv_undefine, {{"index", extend_index}}), Code::try_again)
        << "the day's writes";
    clock.boottime += TpmApi::day_ns;
    EXPECT_EQ(code_of(Operation::nv_undefine, {{"index", extend_index}}), Code::not_found);
    EXPECT_EQ(judge({"tpm2_nvread", "-C", counter_index, "-P", "hex:aabb", counter_index}).size(), 8U);
}

TEST_F(TpmApiTest, IndicesOutsideOfTheRangeAreNobodysButTheirOwners) {
    for (const auto *index :
         {"0x01800FFF", "0x01801100", "0x0180D510", "0x01C00002", "0x81000001", "0x00000000"}) {
        EXPECT_EQ(code_of(Operation::nv_define, {{"index", index}, {"kind", "counter"}}), Code::permission)
            << index;
        EXPECT_EQ(code_of(Operation::nv_read, {{"index", index}}), Code::permission) << index;
        EXPECT_EQ(code_of(Operation::nv_undefine, {{"index", index}}), Code::permission) << index;
        EXPECT_EQ(
            code_of(Operation::seal,
                    {{"data", "00"}, {"nv", {{"index", index}, {"operand", "00"}, {"comparison", "equal"}}}}),
            Code::permission)
            << index;
    }
    EXPECT_TRUE(recorded().empty());
}

TEST_F(TpmApiTest, WhatIsSealedToPcrsOpensInThatStateOrWithTheRecoverySecret) {
    const auto made = ask(Operation::seal, {{"data", "73657361"}, {"pcrs", array{16}}});
    ASSERT_TRUE(made) << made.error().detail;
    const object sealed = {{"sealed", made->at("sealed")}};
    EXPECT_EQ(ask(Operation::unseal, sealed)->at("data").as_string(), "73657361");
    ASSERT_TRUE(ask(Operation::pcr_extend, {{"pcr", 16}, {"digest", std::string(64, '1')}}));
    const auto refused = ask(Operation::unseal, sealed);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::tpm_policy);
    EXPECT_TRUE(refused.error().causes.back().contains("PCR 16")) << refused.error().causes.back();
    auto with_recovery = sealed;
    with_recovery["recovery"] = made->at("recovery");
    EXPECT_EQ(ask(Operation::unseal, with_recovery)->at("data").as_string(), "73657361");
    const auto without = ask(Operation::seal, {{"data", "00"}, {"pcrs", array{16}}, {"recovery", false}});
    EXPECT_TRUE(without->at("recovery").is_null());
    EXPECT_EQ(
        code_of(Operation::unseal, {{"sealed", without->at("sealed")}, {"recovery", made->at("recovery")}}),
        Code::usage);
}

// An update changes the PCR, and the approver signs the new state with openssl alone.
TEST_F(TpmApiTest, AnApproversSignatureOpensWhatAnUpdateWouldLock) {
    const auto pem = directory.path("approver.pem");
    const auto pub = directory.path("approver.pub");
    openssl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", pem});
    openssl({"pkey", "-in", pem, "-pubout", "-out", pub});
    const auto made =
        ask(Operation::seal, {{"data", "0102"},
                              {"pcrs", array{16}},
                              {"approver", {{"public_pem", *read_file(pub, 4'096)}, {"reference", "ab"}}}});
    ASSERT_TRUE(made) << made.error().detail;
    object body = {{"sealed", made->at("sealed")}};
    EXPECT_EQ(code_of(Operation::unseal, body), Code::usage) << "it wants an approval";
    ASSERT_TRUE(ask(Operation::pcr_extend, {{"pcr", 16}, {"digest", std::string(64, '1')}}));
    const auto approve = [&](const Bytes &value) {
        const std::vector<unsigned> pcrs = {16};
        const Hash state =
            tpm::policy::pcr(tpm::policy::nothing, pcrs, tpm::policy::pcr_digest({{16, value}}));
        Bytes said(state.begin(), state.end());
        said.push_back(0xAB);
        openssl(
            {"dgst", "-sha256", "-sign", pem, "-out", directory.path("sig"), file("said", as_text(said))});
        return object{{"policy", to_hex(state)},
                      {"signature", to_base64(as_bytes(*read_file(directory.path("sig"), 4'096)))}};
    };
    const auto now = ask(Operation::pcr_read, {{"pcrs", array{16}}});
    const auto value = *from_hex(now->at("pcrs").at("16").as_string());
    body["approval"] = approve(value);
    const auto opened = ask(Operation::unseal, body);
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_EQ(opened->at("data").as_string(), "0102");
    body["approval"] = approve(Bytes(32));
    EXPECT_EQ(code_of(Operation::unseal, body), Code::tpm_policy) << "of another state";
    auto changed = approve(value);
    changed["policy"] = std::string(64, '0');
    body["approval"] = changed;
    EXPECT_NE(code_of(Operation::unseal, body), Code::internal) << "another policy than the signed one";
}

TEST_F(TpmApiTest, WhatIsSealedToAnIndexOpensAsLongAsItHoldsThat) {
    const auto condition = [](const char *operand, const char *comparison) {
        return object{{"index", counter_index}, {"operand", operand}, {"comparison", comparison}};
    };
    ASSERT_TRUE(ask(Operation::nv_define, {{"index", counter_index}, {"kind", "counter"}}));
    EXPECT_EQ(code_of(Operation::seal, {{"data", "00"}, {"nv", condition("0000000000000001", "equal")}}),
              Code::conflict)
        << "never written";
    const auto counted = ask(Operation::nv_increment, {{"index", counter_index}});
    ASSERT_TRUE(counted);
    const std::string count(counted->at("data").as_string());
    const auto made = ask(Operation::seal, {{"data", "0102"}, {"nv", condition(count.c_str(), "at_most")}});
    ASSERT_TRUE(made) << made.error().detail;
    const object sealed = {{"sealed", made->at("sealed")}};
    EXPECT_EQ(ask(Operation::unseal, sealed)->at("data").as_string(), "0102");
    ASSERT_TRUE(ask(Operation::nv_increment, {{"index", counter_index}}));
    EXPECT_EQ(code_of(Operation::unseal, sealed), Code::tpm_policy) << "revoked";
    auto with_recovery = sealed;
    with_recovery["recovery"] = made->at("recovery");
    EXPECT_TRUE(ask(Operation::unseal, with_recovery));
}

TEST_F(TpmApiTest, ASealedFileThatWasChangedOpensNothing) {
    ASSERT_TRUE(ask(Operation::nv_define, {{"index", data_index}, {"kind", "data"}, {"size", 1}}));
    ASSERT_TRUE(ask(Operation::nv_write, {{"index", data_index}, {"data", "07"}}));
    const auto made =
        ask(Operation::seal, {{"data", "0102"},
                              {"pcrs", array{16}},
                              {"nv", {{"index", data_index}, {"operand", "07"}, {"comparison", "equal"}}}});
    ASSERT_TRUE(made) << made.error().detail;
    const object whole = made->at("sealed").as_object();
    ASSERT_TRUE(ask(Operation::unseal, {{"sealed", whole}}));
    for (const auto *member : {"index", "name", "operand", "comparison"}) {
        for (const boost::json::value &wrong :
             {boost::json::value(nullptr), boost::json::value(7), boost::json::value("0x0")}) {
            auto changed = whole;
            changed["nv"].as_object()[member] = wrong;
            EXPECT_EQ(code_of(Operation::unseal, {{"sealed", changed}}), Code::usage) << member;
        }
    }
    auto easier = whole;
    easier.erase("nv");
    EXPECT_EQ(code_of(Operation::unseal, {{"sealed", easier}}), Code::tpm_policy);
}

} // namespace
} // namespace dsmil::api
