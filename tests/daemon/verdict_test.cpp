// SPDX-License-Identifier: Apache-2.0
// Reference values, and verdicts that say which event changed which PCR.
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

TEST(References, WhatIsWrongIsNamedWithItsLine) {
    const std::vector<std::pair<std::string, std::string>> wrong = {
        {"[pcrs", "line 1"},
        {"\n[pcrs]\n24 = []\n", "line 3: [pcrs] 24 is not the number of a PCR"},
        {"[pcrs]\nx = []\n", "[pcrs] x is not the number of a PCR"},
        {"[pcrs]\n0 = \"00\"\n", "must be SHA-256 digests"},
        {"[pcrs]\n0 = 7\n", "must be a string"},
        {"[pcrs]\n0 = [7]\n", "must be a string"},
        {"[tpm]\nak_names = \"0\"\n", "must be names"},
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
        EXPECT_EQ(parsed.error().code, Code::config_invalid);
        EXPECT_NE(parsed.error().detail.find(why), std::string::npos) << parsed.error().detail;
    }
}

} // namespace
} // namespace dsmil::attest
