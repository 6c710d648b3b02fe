// SPDX-License-Identifier: Apache-2.0
// The operations on a device, over a software TPM.
#include "api/device_api.hpp"
#include "attest/certification.hpp"
#include "attest/quote.hpp"
#include "attest/statement.hpp"
#include "base/file.hpp"
#include "device/security_event.hpp"
#include "ledger/tree.hpp"
#include "tpm/pcr.hpp"
#include "tpm_api_fixture.hpp"

#include <boost/json/array.hpp>
#include <gtest/gtest.h>
#include <initializer_list>

namespace dsmil::api {
namespace {

using boost::json::object;

boost::json::array numbers(std::initializer_list<int> list) {
    boost::json::array array;
    for (const int number : list) {
        array.emplace_back(number);
    }
    return array;
}

DeviceState a_state(std::uint16_t id) {
    DeviceState state{
        .id = id, .firmware = "sim", .firmware_version = "0.1.0", .load_id = {}, .registers = {}};
    state.load_id.fill(0xAB);
    state.registers[0] = {.boottime_ns = 5, .result = 0, .value = 7};
    state.registers[1] = {.boottime_ns = 6, .result = -5, .value = 0};
    return state;
}

TEST(DeviceStatement, IsTheSameBytesForTheSameState) {
    EXPECT_EQ(device_statement(a_state(0x8005), Bytes{1, 2}),
              "dsmil-device-statement-v1\ndevice 0x8005\nfirmware sim\nfirmware_version 0.1.0\nload_id "
              "abababababababababababababababab\nSTATUS 0x00000007 at 5\nCONFIG error -5 at 6\nDATA none\n"
              "nonce 0102\n");
    EXPECT_EQ(device_configuration(a_state(0x8005)), "0x8005 STATUS=0x00000007 CONFIG=error DATA=none");
    auto longest = a_state(0x806B);
    for (auto &reg : longest.registers) {
        reg = {.boottime_ns = 1, .result = 0, .value = 0xFFFFFFFF};
    }
    EXPECT_LE(device_configuration(longest).size(), tpm::max_sealed_bytes);
}

TEST(DeviceStatement, HasTheVersionOfTheFirmwareInOneLineWhateverItIs) {
    const auto line = [](std::string version) {
        auto state = a_state(0x8005);
        state.firmware_version = std::move(version);
        const auto text = device_statement(state, Bytes{1});
        const auto at = text.find("firmware_version ");
        return text.substr(at, text.find('\n', at) - at);
    };
    EXPECT_EQ(line("1.28.0 beta"), "firmware_version 1.28.0 beta");
    EXPECT_EQ(line("1\nload_id 00"), "firmware_version 1\\x0aload_id 00");
    EXPECT_EQ(line(""), "firmware_version unknown");
    const test::TempDir dmi;
    EXPECT_EQ(system_firmware_version(dmi.path("")), "");
    ASSERT_TRUE(write_file(dmi.path("bios_version"), as_bytes("1.28.0 \n"), 0600));
    EXPECT_EQ(system_firmware_version(dmi.path("")), "1.28.0");
    ASSERT_TRUE(write_file(dmi.path("bios_version"), as_bytes(" \n"), 0600));
    EXPECT_EQ(system_firmware_version(dmi.path("")), "");
    ASSERT_TRUE(write_file(dmi.path("bios_version"), as_bytes(std::string(5'000, '1')), 0600));
    EXPECT_EQ(system_firmware_version(dmi.path("")), "");
}

TEST(DeviceRequest, RefusesWhatIsMalformed) {
    const DeviceMembers members{
        .nonce = true, .pcrs = true, .sealed = false, .record = false, .default_pcrs = {7}};
    for (const auto *body : {"", "[]", "{", R"({"device":"0x8005"})", R"({"nonce":"0011223344556677"})",
                             R"({"device":"0x8005","nonce":"00"})", R"({"device":"0x8005","nonce":7})",
                             R"({"device":"0x8005","nonce":"0011223344556677","more":1})",
                             R"({"device":"0x8005","nonce":"0011223344556677","pcrs":[]})",
                             R"({"device":"0x8005","nonce":"0011223344556677","pcrs":[1,1]})",
                             R"({"device":"0x8005","nonce":"0011223344556677","pcrs":[24]})",
                             R"({"device":"0x8005","nonce":"0011223344556677","sealed":{}})"}) {
        const auto request = parse_device_request(body, members);
        ASSERT_FALSE(request) << body;
        EXPECT_EQ(request.error().code, Code::usage) << body;
    }
    for (const auto *body : {R"({"device":"0x806C","nonce":"0011223344556677"})",
                             R"({"device":7,"nonce":"0011223344556677"})"}) {
        EXPECT_EQ(parse_device_request(body, members).error().code, Code::device_unknown) << body;
    }
    const auto request = parse_device_request(R"({"device":"0x8005","nonce":"0011223344556677"})", members);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->device, 0x8005);
    EXPECT_EQ(request->pcrs, std::vector<unsigned>{7});
}

class DeviceApiTest : public WithTpmAndLedger {
  protected:
    using Operation = void (DeviceApi::*)(const Request &, Then<Result<Response>>);
    Result<object> ask(Operation operation, const object &body) {
        return ask_with([&](const Request &request,
                            Then<Result<Response>> then) { (api.*operation)(request, std::move(then)); },
                        body);
    }
    void move_pcr(unsigned pcr) {
        std::optional<Result<void>> done;
        tpm->run<void>(
            tpm::Urgency::normal, tpm::usual_deadline,
            [pcr](tpm::Tpm &chip) { return tpm::extend_pcr(chip, pcr, Hash{}); },
            [&](Result<void> result) { done = std::move(result); });
        test::run_until(reactor, [&] { return done.has_value(); });
        ASSERT_TRUE(*done);
    }
    bool absent = false;
    DeviceApi api{ledger, *tpm, directory.path(""), [this](std::uint16_t id) -> Result<DeviceState> {
                      return absent ? Result<DeviceState>(fail(Code::device_absent, "absent")) : a_state(id);
                  }};
};

TEST_F(DeviceApiTest, AStatementIsQuotedByTheTpmAndRecorded) {
    const auto answer = ask(&DeviceApi::attest,
                            {{"device", "0x8005"}, {"nonce", "0011223344556677"}, {"pcrs", numbers({0, 7})}});
    ASSERT_TRUE(answer) << answer.error().detail;
    const std::string statement(answer->at("statement").as_string());
    EXPECT_EQ(statement, device_statement(a_state(0x8005), *from_hex("0011223344556677")));
    const auto &quote = answer->at("quote").as_object();
    attest::QuoteBundle bundle;
    bundle.quoted = *from_base64(quote.at("quoted").as_string());
    bundle.signature = *from_base64(quote.at("signature").as_string());
    bundle.ak_public_pem = quote.at("ak_public_pem").as_string();
    for (const auto &[number, value] : quote.at("pcrs").as_object()) {
        bundle.pcrs[static_cast<unsigned>(std::stoul(std::string(number)))] = *from_hex(value.as_string());
    }
    const std::vector<unsigned> pcrs = {0, 7};
    EXPECT_TRUE(attest::verify_quote(bundle, attest::statement_nonce(statement), pcrs));
    EXPECT_FALSE(attest::verify_quote(bundle, attest::statement_nonce(statement + " "), pcrs));
    EXPECT_GT(attest::statement_nonce(statement).size(), tpm::max_nonce_bytes)
        << "a caller's nonce never passes for that of a statement";
    EXPECT_FALSE(attest::verify_quote(bundle, sha256(as_bytes(statement)), pcrs));
    const auto kept = records();
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].action, "device_attest");
    EXPECT_EQ(kept[0].outcome, "ok");
    EXPECT_EQ(kept[0].device_id, 0x8005);
    EXPECT_EQ(kept[0].actor->comm, "test");
}

TEST_F(DeviceApiTest, AKeyIsMadeOnceAndCertified) {
    const object body = {{"device", "0x8005"}, {"nonce", "0011223344556677"}};
    const auto first = ask(&DeviceApi::provision, body);
    ASSERT_TRUE(first) << first.error().detail << first.error().causes.front();
    EXPECT_TRUE(first->at("made").as_bool());
    const auto second = ask(&DeviceApi::provision, body);
    ASSERT_TRUE(second);
    EXPECT_FALSE(second->at("made").as_bool());
    EXPECT_EQ(second->at("public_pem"), first->at("public_pem"));
    EXPECT_EQ(second->at("public"), first->at("public"));
    const auto shown = [&](const object &answer, const object &ak) {
        return attest::verify_certification(
            {.attest = *from_base64(answer.at("attest").as_string()),
             .signature = *from_base64(answer.at("signature").as_string())},
            attest::PublicKey::read(*from_base64(ak.at("public").as_string())).value(),
            attest::PublicKey::read(*from_base64(answer.at("public").as_string())).value(),
            *from_hex("0011223344556677"));
    };
    const auto &ak = first->at("ak").as_object();
    EXPECT_TRUE(shown(*first, ak));
    EXPECT_FALSE(shown(*first, *first)) << "the key does not certify itself";
    const auto other = ask(&DeviceApi::provision, {{"device", "0x8006"}, {"nonce", "0011223344556677"}});
    EXPECT_NE(other->at("public_pem"), first->at("public_pem"));
    EXPECT_EQ(records().size(), 3U);
}

TEST_F(DeviceApiTest, WhatWasSealedOpensInTheSameStateOrWithTheRecoverySecret) {
    const auto sealed = ask(&DeviceApi::seal, {{"device", "0x8005"}, {"pcrs", numbers({16})}});
    ASSERT_TRUE(sealed) << sealed.error().detail;
    const object body = {{"device", "0x8005"}, {"sealed", sealed->at("sealed")}};
    const auto opened = ask(&DeviceApi::unseal, body);
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_EQ(opened->at("configuration").as_string(), device_configuration(a_state(0x8005)));
    move_pcr(16);
    const auto refused = ask(&DeviceApi::unseal, body);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::tpm_policy);
    auto with_recovery = body;
    with_recovery["recovery"] = sealed->at("recovery");
    EXPECT_TRUE(ask(&DeviceApi::unseal, with_recovery));
    with_recovery["recovery"] = std::string(64, '0');
    EXPECT_EQ(ask(&DeviceApi::unseal, with_recovery).error().code, Code::tpm_auth);
    EXPECT_EQ(recorded(),
              (std::vector<std::string>{"device_seal ok", "device_unseal ok", "device_unseal failed",
                                        "device_unseal ok", "device_unseal failed"}));
}

TEST_F(DeviceApiTest, WhatWasSealedForOneDeviceIsNotPassedOffForAnother) {
    const auto sealed = ask(&DeviceApi::seal, {{"device", "0x8005"}, {"pcrs", numbers({16})}});
    const auto other = ask(&DeviceApi::unseal, {{"device", "0x8006"}, {"sealed", sealed->at("sealed")}});
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Code::conflict);
}

TEST_F(DeviceApiTest, ASealedFileThatWasChangedIsRefused) {
    const auto sealed = ask(&DeviceApi::seal, {{"device", "0x8005"}, {"pcrs", numbers({16})}});
    const auto whole = sealed->at("sealed").as_object();
    for (const auto *member : {"version", "public", "private", "pcrs", "recovery"}) {
        for (const boost::json::value &wrong :
             {boost::json::value(nullptr), boost::json::value(7), boost::json::value("AAAA"),
              boost::json::value(object{{"x", "y"}})}) {
            auto changed = whole;
            changed[member] = wrong;
            EXPECT_EQ(sealed_from_json(changed).error().code, Code::usage) << member;
        }
    }
    auto bytes = *from_base64(whole.at("private").as_string());
    bytes.back() ^= 1U;
    auto changed = whole;
    changed["private"] = to_base64(bytes);
    const auto refused = ask(&DeviceApi::unseal, {{"device", "0x8005"}, {"sealed", changed}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::tpm_failed);
}

TEST(SecurityEvent, IsTheSameWordsForTheSameRecordAndNothingInItEndsALine) {
    ledger::Record record;
    record.sequence = 17;
    record.realtime_ns = 5;
    record.boottime_ns = 6;
    record.boot_id.fill(0xAB);
    record.source = "kernel";
    record.action = "write";
    record.outcome = "refused";
    EXPECT_EQ(security_event(record, "o", Hash{}).error().code, Code::usage);
    record.device_id = 0x8005;
    record.reg = 1;
    record.token = 0x8010;
    record.actor = ledger::Actor{1000, 42, "a\nvalue b\\", 0};
    record.values = {{"value", std::uint64_t{7}}, {"two words", std::string("x\ny")}};
    record.context = {{"errno", std::int64_t{-5}}, {"key", Bytes{1, 0xFF}}};
    EXPECT_EQ(security_event(record, "test.example/log", Hash{}).value(),
              "dsmil-security-event-v1\ndevice 0x8005\norigin test.example/log\nrecord 17\nleaf_sha256 " +
                  std::string(64, '0') +
                  "\nboot_id abababababababababababababababab\nrealtime_ns 5\nboottime_ns 6\nsource kernel\n"
                  "action write\noutcome refused\nregister CONFIG\ntoken 0x8010\n"
                  "actor 1000 42 a\\x0avalue b\\x5c\nvalue value 7\nvalue two\\x20words x\\x0ay\n"
                  "context errno -5\ncontext key 01ff\n");
}

// The TPM signs what the daemon says happened; openssl verifies it without any of us.
TEST_F(DeviceApiTest, ASecurityEventIsSignedWithTheDevicesKey) {
    const object body = {{"device", "0x8005"}, {"record", 0}};
    EXPECT_EQ(ask(&DeviceApi::sign_event, body).error().code, Code::not_found) << "an empty ledger";
    ASSERT_TRUE(ask(&DeviceApi::seal, {{"device", "0x8005"}}));
    const auto keyless = ask(&DeviceApi::sign_event, body);
    ASSERT_FALSE(keyless);
    EXPECT_EQ(keyless.error().code, Code::not_found);
    EXPECT_NE(keyless.error().detail.find("provision"), std::string::npos);
    const auto key = ask(&DeviceApi::provision, {{"device", "0x8005"}, {"nonce", "0011223344556677"}});
    ASSERT_TRUE(key);
    const auto made = ask(&DeviceApi::sign_event, body);
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_EQ(made->at("public_pem"), key->at("public_pem"));
    const std::string message(made->at("message").as_string());
    const auto first = records().front();
    EXPECT_EQ(
        message,
        security_event(first, "test.example/log", ledger::leaf_hash(ledger::encode(first).value())).value());
    const auto write = [&](const char *name, std::string_view content) {
        EXPECT_TRUE(write_file(directory.path(name), as_bytes(content), 0600));
        return directory.path(name);
    };
    const auto judge = [&](const std::string &said) {
        return test::run_program(
            {"openssl", "dgst", "-sha256", "-verify",
             write("key.pem", std::string_view(made->at("public_pem").as_string())), "-signature",
             write("event.sig", as_text(*from_base64(made->at("signature").as_string()))),
             write("event", said)});
    };
    EXPECT_EQ(judge(message), 0);
    EXPECT_NE(judge(message + " "), 0);
    EXPECT_EQ(records().back().action, "device_event_signed");
    EXPECT_EQ(records().back().outcome, "ok");
    EXPECT_EQ(ask(&DeviceApi::sign_event, {{"device", "0x8006"}, {"record", 0}}).error().code,
              Code::conflict);
    EXPECT_EQ(ask(&DeviceApi::sign_event, {{"device", "0x8005"}, {"record", 99}}).error().code,
              Code::not_found);
    EXPECT_EQ(ask(&DeviceApi::sign_event, {{"device", "0x8005"}, {"record", -1}}).error().code, Code::usage);
    EXPECT_EQ(ask(&DeviceApi::sign_event, {{"device", "0x8005"}}).error().code, Code::usage);
}

TEST_F(DeviceApiTest, ADeviceThatIsNotThereIsNeitherAttestedNorSealed) {
    absent = true;
    EXPECT_EQ(ask(&DeviceApi::attest, {{"device", "0x8005"}, {"nonce", "0011223344556677"}}).error().code,
              Code::device_absent);
    EXPECT_EQ(ask(&DeviceApi::seal, {{"device", "0x8005"}}).error().code, Code::device_absent);
    EXPECT_TRUE(records().empty());
}

} // namespace
} // namespace dsmil::api
