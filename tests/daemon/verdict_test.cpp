// SPDX-License-Identifier: Apache-2.0
// Reference values, and verdicts that say which event changed which PCR.
#include "attest/checks.hpp"
#include "attest/verdict.hpp"
#include "base/sha256.hpp"
#include "log_support.hpp"

#include <format>
#include <gtest/gtest.h>

namespace dsmil::attest {
namespace {

using test::LogBuilder;
using std::string_view_literals::operator""sv;

constexpr std::uint32_t ev_efi_action = 0x80000007;
constexpr std::uint32_t ev_separator = 4;
constexpr auto zeros = "\0\0\0\0"sv;

std::string hex_of(std::string_view text) {
    return to_hex(sha256(as_bytes(text)));
}

Reference reference(const std::string &text) {
    auto parsed = parse_reference(text);
    EXPECT_TRUE(parsed) << parsed.error().detail;
    return parsed.value_or(Reference{});
}

class Verdicts : public testing::Test {
  protected:
    Verdicts() {
        builder.event(4, ev_efi_action, "Calling EFI Application").event(4, ev_separator, zeros);
        take();
    }
    void take() {
        bytes = builder.bytes();
        log = parse_event_log(bytes, HashAlg::sha256).value();
        pcrs.clear();
        for (const auto &[pcr, value] : replay(log)) {
            pcrs[pcr] = Bytes(value.view().begin(), value.view().end());
        }
    }
    [[nodiscard]] Verdict judged(const std::string &text) const {
        return judge({.pcrs = &pcrs, .log = &log, .ima = ima ? &*ima : nullptr, .ak_name = &ak_name},
                     reference(text));
    }
    [[nodiscard]] std::string events() const {
        return std::format("[events]\n4 = [\"{}\", \"{}\"]\n", hex_of("Calling EFI Application"),
                           hex_of(zeros));
    }

    LogBuilder builder;
    Bytes bytes;
    EventLog log;
    Pcrs pcrs;
    std::optional<std::vector<ImaEntry>> ima;
    Bytes ak_name = Bytes(34, 1);
};

TEST_F(Verdicts, WhatIsAsItShouldBeHolds) {
    const auto verdict = judged(std::format("[pcrs]\n4 = \"{}\"\n{}[tpm]\nak_names = \"{}\"\n",
                                            to_hex(pcrs[4]), events(), to_hex(ak_name)));
    EXPECT_TRUE(verdict.holds());
    EXPECT_TRUE(verdict.proven.contains(4));
}

TEST_F(Verdicts, TheEventThatChangedAPcrIsNamed) {
    builder.event(4, ev_efi_action, "Evil twin");
    take();
    const auto verdict = judged(std::format("[pcrs]\n4 = \"{}\"\n{}", std::string(64, '0'), events()));
    ASSERT_EQ(verdict.findings.size(), 2U);
    EXPECT_EQ(verdict.findings[0].check, "pcr");
    EXPECT_EQ(verdict.findings[0].pcr, 4U);
    EXPECT_EQ(verdict.findings[1].check, "event");
    EXPECT_EQ(verdict.findings[1].pcr, 4U);
    EXPECT_EQ(verdict.findings[1].entry, 3U);
    EXPECT_TRUE(verdict.findings[1].what.starts_with(
        "event 3 changed PCR 4: EV_EFI_ACTION (Evil twin), digest " + hex_of("Evil twin")))
        << verdict.findings[1].what;
    EXPECT_NE(verdict.findings[1].remedy.find("boot loader"), std::string::npos);
}

TEST_F(Verdicts, AnEventIsNamedOnlyIfTheLogLeadsToThePcr) {
    builder.event(4, ev_efi_action, "The vendor's signed update");
    take();
    pcrs[4] = Bytes(32, 1);
    const auto verdict = judged(std::format("[pcrs]\n4 = \"{}\"\n", std::string(64, '0')));
    ASSERT_EQ(verdict.findings.size(), 2U);
    EXPECT_EQ(verdict.findings[0].check, "pcr");
    EXPECT_TRUE(verdict.findings[0].what.ends_with("does not say which event it was"))
        << verdict.findings[0].what;
    EXPECT_EQ(verdict.findings[1].check, "replay");
    const auto named = judged(events());
    ASSERT_EQ(named.findings.size(), 1U); // and none of the event
    EXPECT_EQ(named.findings[0].check, "replay");
    EXPECT_TRUE(named.failed.contains("event"));
}

TEST_F(Verdicts, ALogThatDoesNotLeadToThePcrIsSaidToBeChanged) {
    pcrs[4][0] ^= 1;
    const auto verdict = judged("");
    ASSERT_EQ(verdict.findings.size(), 1U);
    EXPECT_EQ(verdict.findings[0].check, "replay");
    EXPECT_TRUE(verdict.findings[0].what.starts_with("the event log leads to ")) << verdict.findings[0].what;
    EXPECT_FALSE(verdict.proven.contains(4));
}

TEST_F(Verdicts, AFirmwarePcrWithoutEventsMustBeInitial) {
    pcrs[2] = Bytes(32);
    EXPECT_TRUE(judged("").holds());
    pcrs[2] = Bytes(32, 1);
    EXPECT_EQ(judged("").findings.at(0).pcr, 2U);
}

TEST_F(Verdicts, APcrThatOthersExtendTooNeedsNotMatchUnlessItsEventsAreNamed) {
    builder.event(9, ev_efi_action, "initrd");
    take();
    pcrs[9] = Bytes(32, 1);
    EXPECT_TRUE(judged("").holds());
    EXPECT_EQ(judged(std::format("[events]\n9 = \"{}\"\n", hex_of("initrd"))).findings.at(0).check, "replay");
    pcrs.erase(9);
    EXPECT_NE(
        judged(std::format("[events]\n9 = \"{}\"\n", hex_of("initrd"))).findings.at(0).what.find("not shown"),
        std::string::npos);
}

TEST_F(Verdicts, ALogOfAnotherBankShowsNothing) {
    log = parse_event_log(bytes, HashAlg::sha1).value();
    EXPECT_EQ(judged("").findings.at(0).check, "replay");
    EXPECT_FALSE(judge({.log = &log}, reference(events())).holds());
    EXPECT_TRUE(judge({.log = &log}, reference("")).holds());
}

TEST_F(Verdicts, WithoutALogTheChangedPcrIsNamedAlone) {
    const auto verdict =
        judge({.pcrs = &pcrs}, reference(std::format("[pcrs]\n4 = \"{}\"\n", std::string(64, '0'))));
    ASSERT_EQ(verdict.findings.size(), 1U);
    EXPECT_NE(verdict.findings[0].what.find("with the event log it could be said"), std::string::npos);
}

TEST_F(Verdicts, WhatIsNotShownDoesNotHold) {
    const Evidence nothing;
    EXPECT_FALSE(judge(nothing, reference("[tpm]\nak_names = \"000b00\"\n")).holds());
    EXPECT_FALSE(judge(nothing, reference("[tpm]\nek_names = \"000b00\"\n")).holds());
    EXPECT_FALSE(judge(nothing, reference("[tpm]\nfirmware_versions = \"0x1\"\n")).holds());
    EXPECT_FALSE(judge(nothing, reference("[pcrs]\n4 = []\n")).holds());
    EXPECT_FALSE(judge(nothing, reference("[events]\n4 = []\n")).holds());
    EXPECT_FALSE(judge(nothing, reference("[ima]\nfiles = []\n")).holds());
    EXPECT_TRUE(judge(nothing, reference("")).holds());
}

TEST_F(Verdicts, AnotherAttestationKeyIsNamed) {
    const auto verdict = judged("[tpm]\nak_names = \"000b00\"\n");
    ASSERT_EQ(verdict.findings.size(), 1U);
    EXPECT_EQ(verdict.findings[0].check, "ak-name");
}

TEST_F(Verdicts, AFileThatIsNotAllowedIsNamedIfItWasQuoted) {
    const auto good = test::ima_ng("/usr/bin/true");
    const auto bad = test::ima_ng("/tmp/miner");
    ima = parse_ima_list(as_bytes(good.ascii + bad.ascii)).value();
    const auto allow = std::format("[ima]\nfiles = [\"sha256:{} /usr/bin/true\"]\n", hex_of("/usr/bin/true"));
    pcrs[10] = test::extended_with({good.extended});
    const auto before = judged(allow);
    EXPECT_TRUE(before.holds());
    EXPECT_EQ(before.ima_quoted, 1U);
    pcrs[10] = test::extended_with({good.extended, bad.extended});
    const auto after = judged(allow);
    ASSERT_EQ(after.findings.size(), 1U);
    EXPECT_EQ(after.findings[0].entry, 2U);
    EXPECT_TRUE(after.findings[0].what.starts_with("entry 2 changed PCR 10: /tmp/miner with sha256:"))
        << after.findings[0].what;
}

TEST_F(Verdicts, AFileThatIsCalledAsTheKernelsFirstEntryIsAFile) {
    const std::array lines = {test::ima_ng("boot_aggregate"), test::ima_ng("/usr/bin/true"),
                              test::ima_ng("boot_aggregate")};
    ima = parse_ima_list(as_bytes(lines[0].ascii + lines[1].ascii + lines[2].ascii)).value();
    const auto allow = std::format("[ima]\nfiles = [\"sha256:{} /usr/bin/true\"]\n", hex_of("/usr/bin/true"));
    pcrs[10] = test::extended_with({lines[0].extended, lines[1].extended});
    EXPECT_TRUE(judged(allow).holds());
    pcrs[10] = test::extended_with({lines[0].extended, lines[1].extended, lines[2].extended});
    const auto verdict = judged(allow);
    ASSERT_EQ(verdict.findings.size(), 1U);
    EXPECT_EQ(verdict.findings[0].entry, 3U);
    EXPECT_TRUE(verdict.findings[0].what.starts_with("entry 3 changed PCR 10: boot_aggregate with sha256:"))
        << verdict.findings[0].what;
}

TEST_F(Verdicts, TheBootAggregateIsThatOfThePcrsThatAreShown) {
    Bytes all;
    for (unsigned pcr = 0; pcr < 10; pcr++) {
        pcrs.try_emplace(pcr, Bytes(32));
        all.insert(all.end(), pcrs[pcr].begin(), pcrs[pcr].end());
    }
    const auto file = test::ima_ng("/usr/bin/true");
    const auto allow = [](std::string_view more) {
        return std::format("[ima]\nfiles = [\"sha256:{} /usr/bin/true\"{}]\n", hex_of("/usr/bin/true"), more);
    };
    const auto list_with = [&](const test::ImaLine &first) {
        ima = parse_ima_list(as_bytes(first.ascii + file.ascii)).value();
        pcrs[10] = test::extended_with({first.extended, file.extended});
    };
    list_with(test::ima_ng_of("boot_aggregate", as_text(all)));
    EXPECT_TRUE(judged(allow("")).holds());
    list_with(test::ima_ng_of("boot_aggregate", "something else"));
    const auto verdict = judged(allow(""));
    ASSERT_EQ(verdict.findings.size(), 1U);
    EXPECT_EQ(verdict.findings[0].entry, 1U);
    EXPECT_TRUE(
        verdict.findings[0].what.starts_with("entry 1: boot_aggregate is " + hex_of("something else")))
        << verdict.findings[0].what;
    EXPECT_TRUE(
        judged(allow(std::format(", \"sha256:{} boot_aggregate\"", hex_of("something else")))).holds());
    EXPECT_FALSE(judged(allow(std::format(", \"sha256:{} boot_aggregate\"", hex_of("other")))).holds());
    pcrs.erase(9);
    EXPECT_TRUE(judged(allow("")).holds()); // It cannot be compared.
}

TEST_F(Verdicts, FilesDoNotHoldIfNoneWasMeasured) {
    const auto allow = std::format("[ima]\nfiles = [\"sha256:{} /usr/bin/true\"]\n", hex_of("/usr/bin/true"));
    const auto aggregate = test::ima_ng("boot_aggregate");
    const auto expect_none = [&](const Verdict &verdict) {
        ASSERT_EQ(verdict.findings.size(), 1U);
        EXPECT_EQ(verdict.findings[0].check, "files");
        EXPECT_TRUE(verdict.findings[0].what.starts_with("IMA measured no file")) << verdict.findings[0].what;
    };
    pcrs[10] = Bytes(32); // IMA is off; what the list says was never measured.
    for (const auto &list : {std::string{}, aggregate.ascii + test::ima_ng("/tmp/evil").ascii}) {
        ima = parse_ima_list(as_bytes(list)).value();
        expect_none(judged(allow));
        EXPECT_EQ(judged(allow).ima_quoted, 0U);
        EXPECT_TRUE(judged("").holds());
    }
    ima = parse_ima_list(as_bytes(aggregate.ascii)).value(); // It is on without a policy.
    pcrs[10] = test::extended_with({aggregate.extended});
    expect_none(judged(allow));
    expect_none(judge({.ima = &*ima}, reference(allow)));
}

TEST_F(Verdicts, AnEntryOfAnotherPcrIsShownByThatPcr) {
    const auto one = test::ima_ng("/usr/bin/true");
    auto other = test::ima_ng("/tmp/miner");
    other.ascii.replace(0, 2, "11");
    ima = parse_ima_list(as_bytes(other.ascii + one.ascii)).value();
    pcrs[10] = test::extended_with({one.extended});
    const auto allow = std::format("[ima]\nfiles = [\"sha256:{} /usr/bin/true\"]\n", hex_of("/usr/bin/true"));
    EXPECT_EQ(judged("").ima_quoted, 1U);
    EXPECT_TRUE(judged("").holds());
    const auto hidden = judged(allow);
    ASSERT_EQ(hidden.findings.size(), 1U);
    EXPECT_EQ(hidden.findings[0].pcr, 11U);
    EXPECT_NE(hidden.findings[0].what.find("which is not quoted"), std::string::npos);
    pcrs[11] = Bytes(32, 1);
    EXPECT_NE(judged("").findings.at(0).what.find("leads to the value of PCR 11"), std::string::npos);
    pcrs[11] = test::extended_with({other.extended});
    const auto shown = judged(allow);
    EXPECT_EQ(shown.ima_quoted, 2U);
    ASSERT_EQ(shown.findings.size(), 1U);
    EXPECT_TRUE(shown.findings[0].what.starts_with("entry 1 changed PCR 11: /tmp/miner"));
}

TEST_F(Verdicts, AKnownFileWithAnotherDigestIsNamed) {
    const auto line = test::ima_ng("/usr/bin/true");
    ima = parse_ima_list(as_bytes(line.ascii)).value();
    pcrs[10] = test::extended_with({line.extended});
    const auto verdict =
        judged(std::format("[ima]\nfiles = [\"sha256:{} /usr/bin/true\"]\n", std::string(64, '1')));
    ASSERT_EQ(verdict.findings.size(), 1U);
    EXPECT_NE(verdict.findings[0].what.find("which is not a digest that is allowed"), std::string::npos);
}

TEST_F(Verdicts, AListThatDoesNotLeadToPcr10DoesNotHold) {
    ima = parse_ima_list(as_bytes(test::ima_ng("/usr/bin/true").ascii)).value();
    EXPECT_NE(judged("").findings.at(0).what.find("not quoted"), std::string::npos);
    pcrs[10] = Bytes(32, 1);
    EXPECT_NE(judged("").findings.at(0).what.find("no part of the IMA list"), std::string::npos);
}

TEST_F(Verdicts, AViolationDoesNotHoldUnlessItIsAllowed) {
    const auto line = test::ima_ng("/var/log/open", true);
    ima = parse_ima_list(as_bytes(line.ascii)).value();
    pcrs[10] = test::extended_with({line.extended});
    EXPECT_FALSE(judged("[ima]\nfiles = []\n").holds());
    EXPECT_TRUE(judged("[ima]\nfiles = []\nviolations = true\n").holds());
}

TEST_F(Verdicts, FindingsAreBoundedAndTheRestIsCounted) {
    for (std::size_t i = 0; i < max_findings + 5; i++) {
        builder.event(4, ev_efi_action, std::to_string(i));
    }
    take();
    const auto verdict = judged(events());
    EXPECT_EQ(verdict.findings.size(), max_findings);
    EXPECT_EQ(verdict.more, 5U);
}

std::string result_of(std::string_view check, const Verdict &verdict) {
    for (const auto &[name, result] :
         checks_of(verdict, {.event_log = true, .ima = true, .reference = true})) {
        if (name == check) {
            return std::string(result);
        }
    }
    return "there is no such check";
}

TEST_F(Verdicts, ACheckFailsAlsoWhenItsFindingIsBeyondTheLast) {
    for (std::size_t i = 0; i < max_findings; i++) {
        builder.event(4, ev_efi_action, std::to_string(i));
    }
    take();
    const auto line = test::ima_ng("/tmp/evil");
    ima = parse_ima_list(as_bytes(line.ascii)).value();
    pcrs[10] = test::extended_with({line.extended});
    const auto verdict = judged(events() + "[ima]\nfiles = []\n");
    EXPECT_EQ(verdict.more, 1U);
    EXPECT_EQ(verdict.findings.back().check, "event"); // not "ima"
    EXPECT_EQ(result_of("ima", verdict), "fail");
    EXPECT_EQ(result_of("reference", verdict), "fail");
    EXPECT_EQ(result_of("event-log", verdict), "success");
}

TEST_F(Verdicts, ACheckThatComparedNothingWasNotRun) {
    const auto nothing = judged("[ima]\nviolations = true\n");
    EXPECT_TRUE(nothing.holds());
    EXPECT_EQ(result_of("reference", nothing), "not-run");
    EXPECT_EQ(result_of("ima", nothing), "not-run");
    EXPECT_EQ(result_of("event-log", nothing), "success");
    pcrs.erase(4); // Now no value is shown that the log could lead to.
    EXPECT_EQ(result_of("event-log", judged("")), "not-run");
    pcrs[10] = Bytes(32);
    ima.emplace();
    EXPECT_EQ(result_of("ima", judged("")), "not-run");
    EXPECT_EQ(result_of("reference", judged(std::format("[tpm]\nak_names = \"{}\"\n", to_hex(ak_name)))),
              "success");
    EXPECT_EQ(result_of("reference", judged("[tpm]\nek_names = \"000b00\"\n")), "fail");
    EXPECT_EQ(result_of("reference", judged("[events]\n4 = []\n")), "fail"); // PCR 4 is not shown.
}

TEST(References, WhatIsWrongIsNamedWithItsLine) {
    const std::vector<std::pair<std::string, std::string>> wrong = {
        {"[pcrs", "line 1"},
        {"\n[pcrs]\n24 = []\n", "line 3: [pcrs] 24 is not the number of a PCR"},
        {"[pcrs]\nx = []\n", "[pcrs] x is not the number of a PCR"},
        {"[pcrs]\n0 = \"00\"\n", "must be SHA-256 digests"},
        {"[pcrs]\n0 = 7\n", "must be a string"},
        {"[pcrs]\n0 = [7]\n", "must be a string"},
        {"[tpm]\nak_names = \"0\"\n", "must be names"},
        {"[tpm]\nak_names = []\n", "must not be empty"},
        {"[tpm]\nek_names = []\n", "must not be empty"},
        {"[tpm]\nfirmware_versions = []\n", "must not be empty"},
        {"[tpm]\nfirmware_versions = \"1\"\n", "must be versions"},
        {"[tpm]\nfirmware_versions = \"0x11111111111111111\"\n", "must be versions"},
        {"[ima]\nfiles = \"/usr/bin/true\"\n", "must be files"},
        {"[ima]\nfiles = \"sha256:00 /usr/bin/true\"\n", "must be files"},
        {"[ima]\nfiles = \"md5:00 /usr/bin/true\"\n", "must be files"},
        {"[ima]\nviolations = 1\n", "must be true or false"},
        {"[other]\nx = 1\n", "is not a key that is known"},
        {"x = 1\n", "x must be a section"},
    };
    for (const auto &[text, why] : wrong) {
        const auto parsed = parse_reference(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, Code::reference_invalid);
        EXPECT_NE(parsed.error().detail.find(why), std::string::npos) << parsed.error().detail;
    }
}

} // namespace
} // namespace dsmil::attest
