// SPDX-License-Identifier: Apache-2.0
// The verifier without network: who is enrolled, which questions are open, and what
// is said of evidence.
#include "attest/eat.hpp"
#include "base/sha256.hpp"
#include "verifier_support.hpp"

#include <boost/json/parse.hpp>
#include <format>

namespace dsmil::verifierd {
namespace {

using test::TestMachine;
using test::VerifierTest;

class Enrolling : public VerifierTest {
  protected:
    // The code, and a part of the detail.
    void expect_refused(const EnrolmentRequest &request, Code code, std::string_view detail,
                        const std::string &name = "a") {
        const auto begun = service->begin_enrolment(name, request);
        ASSERT_FALSE(begun);
        EXPECT_EQ(begun.error().code, code) << begun.error().detail;
        EXPECT_TRUE(begun.error().detail.contains(detail)) << begun.error().detail;
        EXPECT_TRUE(service->list("", 10)->empty());
    }
    TestMachine a{"a"};
};

TEST_F(Enrolling, AMachineThatNoRuleNamesIsRefused) {
    open("[[rules]]\nname = \"b\"\nmachines = [\"b*\"]\n", "");
    expect_refused(a.enrolment(), Code::permission, "no rule of the fleet names the machine a");
}

TEST_F(Enrolling, AnEkWithoutACertificateMustBeListed) {
    open_for(TestMachine("other"));
    expect_refused(a.enrolment(), Code::permission, to_hex(a.ek_name()));
}

TEST_F(Enrolling, AnEkThatCanSignIsNone) {
    open_for(a);
    auto request = a.enrolment();
    request.ek_public = a.ek_public(test::ek_attributes | attest::object::sign);
    expect_refused(request, Code::attestation_failed, "do not make it an endorsement key");
}

TEST_F(Enrolling, AnAkThatSignsWhatOthersMadeIsNone) {
    open_for(a);
    for (const auto missing : {attest::object::restricted, attest::object::sign, attest::object::fixed_tpm,
                               attest::object::fixed_parent, attest::object::sensitive_data_origin}) {
        auto request = a.enrolment();
        request.ak_public = a.ak_public(test::ak_attributes & ~missing);
        expect_refused(request, Code::attestation_failed, "attestation key");
    }
}

TEST_F(Enrolling, KeysThatCannotBeReadAreTheCallersMistake) {
    open_for(a);
    auto request = a.enrolment();
    request.ak_public = Bytes(40, 0xFF);
    expect_refused(request, Code::usage, "AK");
    request = a.enrolment();
    request.ek_public.pop_back();
    expect_refused(request, Code::usage, "EK");
}

TEST_F(Enrolling, ACertificateThatIsNoneIsRefused) {
    open_for(a);
    auto request = a.enrolment();
    request.certificate = Bytes(100, 0x30);
    expect_refused(request, Code::malformed, "");
}

TEST_F(Enrolling, TheAkIsPinnedOnlyWithTheSecret) {
    open_for(a);
    const auto challenge = service->begin_enrolment("a", a.enrolment()).value();
    EXPECT_EQ(service->ask("a").error().code, Code::not_found);
    // Another secret ends it.
    EXPECT_EQ(service->finish_enrolment("a", challenge.id, Bytes(32, 99)).error().code,
              Code::attestation_failed);
    EXPECT_EQ(service->finish_enrolment("a", challenge.id, Bytes(32, 1)).error().code, Code::not_found);
    EXPECT_EQ(service->ask("a").error().code, Code::not_found);
    enrol(a);
    EXPECT_EQ(service->show("a")->machine.keys.ak_name, a.ak_name());
    EXPECT_EQ(service->numbers()->enrolled, 1U);
    EXPECT_EQ(service->numbers()->enrolments_refused, 1U);
}

TEST_F(Enrolling, AnotherMachineCannotFinishIt) {
    open_for(a);
    const auto challenge = service->begin_enrolment("a", a.enrolment()).value();
    EXPECT_EQ(service->finish_enrolment("b", challenge.id, Bytes(32, 1)).error().code, Code::not_found);
    EXPECT_TRUE(service->finish_enrolment("a", challenge.id, Bytes(32, 1)));
}

TEST_F(Enrolling, TheSecretComesInTime) {
    open_for(a);
    const auto challenge = service->begin_enrolment("a", a.enrolment()).value();
    clock.seconds += settings.session_s;
    EXPECT_EQ(service->finish_enrolment("a", challenge.id, Bytes(32, 1)).error().code, Code::try_again);
    clock.seconds -= settings.session_s + 1; // before it was issued
    EXPECT_EQ(service->finish_enrolment("a", challenge.id, Bytes(32, 1)).error().code, Code::try_again);
}

TEST_F(Enrolling, ItSurvivesARestart) {
    open_for(a);
    const auto challenge = service->begin_enrolment("a", a.enrolment()).value();
    reopen();
    EXPECT_TRUE(service->finish_enrolment("a", challenge.id, Bytes(32, 1)));
    reopen();
    EXPECT_TRUE(service->ask("a"));
}

TEST_F(Enrolling, AnotherTpmNeedsAnOperator) {
    const TestMachine other("a");
    open("[[rules]]\nname = \"all\"\nmachines = [\"*\"]\npcrs = [0, 7]\nreference = \"/reference\"\n",
         std::format("[tpm]\nek_names = [\"{}\", \"{}\"]\n", to_hex(a.ek_name()), to_hex(other.ek_name())));
    enrol(a);
    const auto second = service->begin_enrolment("a", other.enrolment());
    EXPECT_EQ(second.error().code, Code::conflict);
    EXPECT_EQ(service->begin_enrolment("b", a.enrolment()).error().code, Code::conflict);
    ASSERT_TRUE(service->remove("a"));
    EXPECT_EQ(service->remove("a").error().code, Code::not_found);
    enrol(other);
    EXPECT_EQ(service->show("a")->machine.keys.ek_name, other.ek_name());
}

class Attesting : public VerifierTest {
  protected:
    void SetUp() override {
        open_for(a);
        enrol(a);
    }
    [[nodiscard]] State state() { return service->show("a")->state; }
    static std::string finding(const Record &record) {
        const auto body = boost::json::parse(record.body);
        const auto &findings = body.at("findings").as_array();
        return findings.empty() ? "" : std::string(findings.front().at("check").as_string());
    }
    TestMachine a{"a"};
};

TEST_F(Attesting, GoodEvidenceIsVerified) {
    EXPECT_EQ(state(), State::never);
    const auto record = attest(a);
    ASSERT_TRUE(record) << record.error().detail;
    EXPECT_EQ(record->outcome, Outcome::verified);
    EXPECT_EQ(state(), State::fresh);
    EXPECT_EQ(service->show("a")->machine.attested_s, clock.seconds);
    EXPECT_EQ(service->numbers()->results.at(0), 1U);
}

TEST_F(Attesting, AQuestionIsAnsweredOnce) {
    const auto session = service->ask("a").value();
    ASSERT_TRUE(service->answer("a", session.id, a.evidence(session)));
    const auto again = service->answer("a", session.id, a.evidence(session));
    EXPECT_EQ(again.error().code, Code::conflict);
    EXPECT_EQ(service->history("a", 10)->size(), 1U);
    // The same evidence to another question is a replay.
    const auto next = service->ask("a").value();
    const auto replayed = service->answer("a", next.id, a.evidence(session)).value();
    EXPECT_EQ(replayed.outcome, Outcome::broken_evidence);
    EXPECT_EQ(finding(replayed), "nonce");
}

TEST_F(Attesting, AQuestionRunsOut) {
    const auto session = service->ask("a").value();
    clock.seconds += settings.session_s;
    EXPECT_EQ(service->answer("a", session.id, a.evidence(session)).error().code, Code::try_again);
    EXPECT_EQ(state(), State::never);
}

TEST_F(Attesting, TheLatestQuestionCounts) {
    const auto first = service->ask("a").value();
    const auto second = service->ask("a").value();
    EXPECT_EQ(service->answer("a", first.id, a.evidence(first)).error().code, Code::not_found);
    EXPECT_TRUE(service->answer("a", second.id, a.evidence(second)));
}

TEST_F(Attesting, AQuestionSurvivesARestart) {
    const auto session = service->ask("a").value();
    reopen();
    EXPECT_TRUE(service->answer("a", session.id, a.evidence(session)));
    reopen();
    EXPECT_EQ(service->answer("a", session.id, a.evidence(session)).error().code, Code::conflict);
    EXPECT_EQ(state(), State::fresh);
}

TEST_F(Attesting, AnotherMachinesQuestionIsNotFound) {
    const auto session = service->ask("a").value();
    EXPECT_EQ(service->answer("b", session.id, a.evidence(session)).error().code, Code::not_found);
    EXPECT_EQ(service->ask("b").error().code, Code::not_found);
}

TEST_F(Attesting, EvidenceOfAnotherMachineIsBroken) {
    const TestMachine b("b");
    const auto session = service->ask("a").value();
    const auto record = service->answer("a", session.id, b.evidence(session)).value();
    EXPECT_EQ(record.outcome, Outcome::broken_evidence);
    EXPECT_EQ(finding(record), "signature");
    EXPECT_EQ(state(), State::failed);
}

TEST_F(Attesting, OtherPcrsThanAskedForAreBroken) {
    for (const std::uint8_t select : {std::uint8_t{0b1000'0000}, std::uint8_t{0b1000'0011}}) {
        TestMachine &machine = a;
        machine.quote.select = {select, 0, 0};
        machine.quote.pcrs = {{7, Bytes(32, 2)}};
        const auto record = attest(machine).value();
        EXPECT_EQ(record.outcome, Outcome::broken_evidence);
        EXPECT_EQ(finding(record), "selection");
    }
}

TEST_F(Attesting, AClockThatWentBackIsBroken) {
    ASSERT_EQ(attest(a)->outcome, Outcome::verified);
    a.quote.clock_ms = 999;
    const auto record = attest(a).value();
    EXPECT_EQ(record.outcome, Outcome::broken_evidence);
    EXPECT_EQ(finding(record), "clock");
    a.quote.reset_count++; // but after a power cut it may, and says so
    a.quote.clock_safe = false;
    EXPECT_EQ(attest(a)->outcome, Outcome::verified);
}

TEST_F(Attesting, AFailedMachineRecoversByItself) {
    a.quote.magic = {0, 1, 2, 3};
    EXPECT_EQ(attest(a)->outcome, Outcome::broken_evidence);
    EXPECT_EQ(state(), State::failed);
    a.quote.magic = {0xFF, 0x54, 0x43, 0x47};
    EXPECT_EQ(attest(a)->outcome, Outcome::verified);
    EXPECT_EQ(state(), State::fresh);
    const auto history = service->history("a", 10).value();
    ASSERT_EQ(history.size(), 2U);
    EXPECT_EQ(history[0].outcome, Outcome::verified);
    EXPECT_EQ(history[1].outcome, Outcome::broken_evidence);
}

TEST_F(Attesting, PartsThatDoNotFitAreAskedForAgainAndBelievedTheThirdTime) {
    const auto race = [&] {
        const auto session = service->ask("a").value();
        auto evidence = a.evidence(session);
        evidence.pcrs[0] = Bytes(32, 9); // as when it was extended after it was read
        return service->answer("a", session.id, evidence);
    };
    EXPECT_EQ(race().error().code, Code::try_again);
    EXPECT_EQ(state(), State::never);
    EXPECT_EQ(attest(a)->outcome, Outcome::verified); // begins the count anew
    EXPECT_EQ(race().error().code, Code::try_again);
    reopen(); // and a restart does not
    EXPECT_EQ(race().error().code, Code::try_again);
    const auto record = race();
    ASSERT_TRUE(record);
    EXPECT_EQ(record->outcome, Outcome::broken_evidence);
    EXPECT_EQ(finding(*record), "values");
    EXPECT_EQ(state(), State::failed);
}

TEST_F(Attesting, TheHistoryIsBounded) {
    settings.history = 3;
    reopen();
    for (int i = 0; i < 5; i++) {
        ASSERT_TRUE(attest(a));
    }
    const auto history = service->history("a", 10).value();
    ASSERT_EQ(history.size(), 3U);
    EXPECT_EQ(history.front().number, 5U);
    EXPECT_EQ(history.back().number, 3U);
}

TEST_F(Attesting, ADeadMachineIsSeen) {
    ASSERT_TRUE(attest(a));
    clock.seconds += settings.ages.late_s - 1;
    EXPECT_EQ(state(), State::fresh);
    clock.seconds += 1;
    EXPECT_EQ(state(), State::late);
    clock.seconds += settings.ages.dead_s - settings.ages.late_s;
    EXPECT_EQ(state(), State::dead);
    ASSERT_TRUE(attest(a));
    EXPECT_EQ(state(), State::fresh);
}

TEST_F(Attesting, TheTokenSaysWhatWasFound) {
    const auto record = attest(a).value();
    const auto first = record.token.find('.');
    std::string claims = record.token.substr(first + 1, record.token.rfind('.') - first - 1);
    std::ranges::replace(claims, '-', '+');
    std::ranges::replace(claims, '_', '/');
    claims.append((4 - claims.size() % 4) % 4, '=');
    const auto decoded = boost::json::parse(as_text(from_base64(claims).value()));
    EXPECT_EQ(decoded.at("sub"), "a");
    EXPECT_EQ(decoded.at("iat").to_number<std::uint64_t>(), clock.seconds);
    EXPECT_EQ(decoded.at("dsmil_outcome"), "verified");
    EXPECT_EQ(std::string(decoded.at("dsmil_ak").as_string()), to_hex(a.ak_name()));
    EXPECT_EQ(decoded.at("dsmil_pcrs").as_object().size(), 2U);
}

TEST_F(Attesting, AMachineWithoutARuleIsNotAskedAnyMore) {
    open("[[rules]]\nname = \"b\"\nmachines = [\"b\"]\n", "");
    EXPECT_EQ(service->ask("a").error().code, Code::permission);
    EXPECT_EQ(service->show("a")->rule, "");
}

// With an event log of one event in PCR 7, and reference values of it.
class Explaining : public VerifierTest {
  protected:
    void SetUp() override {
        log.event(7, 0x80000007, "Secure Boot").event(0, 4, std::string_view("\0\0\0\0", 4));
        const auto parsed = attest::parse_event_log(log.bytes(), attest::HashAlg::sha256).value();
        for (const auto &[pcr, value] : attest::replay(parsed)) {
            a.quote.pcrs[pcr] = Bytes(value.view().begin(), value.view().end());
        }
    }
    void open_with(const std::string &reference) {
        open("[[rules]]\nname = \"all\"\nmachines = [\"*\"]\npcrs = [0, 7]\nevent_log = true\n"
             "reference = \"/reference\"\n",
             std::format("[tpm]\nek_names = [\"{}\"]\n{}", to_hex(a.ek_name()), reference));
        enrol(a);
    }
    Result<Record> attest_with_log(const Bytes &bytes) {
        const auto session = service->ask("a").value();
        auto evidence = a.evidence(session);
        evidence.event_log = bytes;
        return service->answer("a", session.id, evidence);
    }
    test::LogBuilder log;
    TestMachine a{"a"};
};

TEST_F(Explaining, TheEventThatIsNotAllowedIsNamed) {
    open_with(std::format("[events]\n7 = [\"{}\"]\n", to_hex(sha256(as_bytes("something else")))));
    const auto record = attest_with_log(log.bytes()).value();
    EXPECT_EQ(record.outcome, Outcome::policy_violation);
    EXPECT_TRUE(record.body.contains("event 1 changed PCR 7: EV_EFI_ACTION (Secure Boot)")) << record.body;
    EXPECT_TRUE(record.body.contains("remedy"));
}

TEST_F(Explaining, AllowedEventsAreVerified) {
    open_with(std::format("[events]\n7 = [\"{}\"]\n", to_hex(sha256(as_bytes("Secure Boot")))));
    const auto record = attest_with_log(log.bytes()).value();
    EXPECT_EQ(record.outcome, Outcome::verified) << record.body;
    EXPECT_TRUE(record.body.contains("\"proven_pcrs\":[0,7]")) << record.body;
}

TEST_F(Explaining, AResultFitsTheStoreWhateverAMachineNames) {
    open("[[rules]]\nname = \"all\"\nmachines = [\"*\"]\npcrs = [10]\nima = true\nreference = "
         "\"/reference\"\n",
         std::format("[tpm]\nek_names = [\"{}\"]\n[ima]\nfiles = []\n", to_hex(a.ek_name())));
    enrol(a);
    std::string list;
    std::vector<Bytes> extended;
    for (int i = 0; i < 200; i++) {
        const auto line = test::ima_ng(std::format("/{}{}", std::string(4'000, 'x'), i));
        list += line.ascii;
        extended.push_back(line.extended);
    }
    a.quote.select = {0, 0b100, 0};
    a.quote.pcrs = {{10, test::extended_with(extended)}};
    const auto session = service->ask("a").value();
    auto evidence = a.evidence(session);
    const ByteView bytes = as_bytes(list);
    evidence.ima = Bytes(bytes.begin(), bytes.end());
    const auto record = service->answer("a", session.id, evidence);
    ASSERT_TRUE(record) << record.error().detail;
    EXPECT_EQ(record->outcome, Outcome::policy_violation);
    EXPECT_LT(record->body.size() + record->token.size(), 500'000U);
    EXPECT_TRUE(record->body.contains("\"more_findings\":100"));
}

TEST_F(Explaining, APcrThatTheQuoteShowsNeedsNoSecondLook) {
    open_with(std::format("[pcrs]\n7 = [\"{}\"]\n", to_hex(Bytes(32, 5))));
    const auto record = attest_with_log(log.bytes()).value();
    EXPECT_EQ(record.outcome, Outcome::policy_violation);
}

TEST_F(Explaining, ALogOfAnotherStartIsAskedForAgain) {
    open_with("");
    test::LogBuilder other;
    other.event(7, 0x80000007, "another start");
    EXPECT_EQ(attest_with_log(other.bytes()).error().code, Code::try_again);
    EXPECT_EQ(attest_with_log(log.bytes())->outcome, Outcome::verified);
}

TEST_F(Explaining, ALogThatIsMissingOrDamagedIsBroken) {
    open_with("");
    EXPECT_EQ(attest(a)->outcome, Outcome::broken_evidence);
    Bytes cut = log.bytes();
    cut.pop_back();
    EXPECT_EQ(attest_with_log(cut)->outcome, Outcome::broken_evidence);
}

} // namespace
} // namespace dsmil::verifierd
