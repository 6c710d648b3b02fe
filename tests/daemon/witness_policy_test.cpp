// SPDX-License-Identifier: Apache-2.0
// Quorums over a checkpoint that public witnesses cosigned: tests/vectors.
#include "ledger/witness_policy.hpp"

#include <format>
#include <gtest/gtest.h>
#include <string>

namespace dsmil::ledger {
namespace {

constexpr auto remora = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";
constexpr auto smartit = "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO";
constexpr auto absent =
    "witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G";
constexpr auto log_key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
constexpr std::uint64_t when = 1'779'573'024;

const Note note =
    Note::parse("arche2025h1.staging.ct.transparency.dev\n"
                "1432088532\n"
                "U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n"
                "\n"
                "\u2014 witness1.smartit.nu/witness1 "
                "pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/"
                "iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==\n"
                "\u2014 remora.n621.de "
                "2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/"
                "zZ0WBxtqB0DrAWfBw==\n")
        .value();

std::string witnesses() {
    return std::format("witness a {}\nwitness b {} https://witness.example/\n\twitness c {}  \n", remora,
                       smartit, absent);
}

WitnessPolicy::Quorum judge(const std::string &rest) {
    return WitnessPolicy::parse(witnesses() + rest).value().judge(note).value();
}

TEST(WitnessPolicy, OneWitnessIsEnoughWhenItIsTheQuorum) {
    const auto quorum = judge("quorum a\n");
    EXPECT_TRUE(quorum.reached);
    EXPECT_TRUE(quorum.needs_witnesses);
    EXPECT_EQ(quorum.since, when);
    EXPECT_EQ(quorum.witnesses, (std::vector<std::string>{"a", "b"}));
    EXPECT_FALSE(judge("quorum c\n").reached);
}

TEST(WitnessPolicy, NoneNeedsNoWitness) {
    const auto quorum = judge("quorum none\n");
    EXPECT_TRUE(quorum.reached);
    EXPECT_FALSE(quorum.needs_witnesses);
}

TEST(WitnessPolicy, GroupsCountTheirMembers) {
    EXPECT_TRUE(judge("group g any a b c\nquorum g\n").reached);
    EXPECT_TRUE(judge("group g 2 a b c\nquorum g\n").reached);
    EXPECT_FALSE(judge("group g 3 a b c\nquorum g\n").reached);
    EXPECT_FALSE(judge("group g all a b c\nquorum g\n").reached);
    EXPECT_TRUE(judge("group g all a b\nquorum g\n").reached);
}

TEST(WitnessPolicy, GroupsHaveGroups) {
    EXPECT_TRUE(judge("group x any b c\ngroup y all a x\nquorum y\n").reached);
    EXPECT_FALSE(judge("group x all b c\ngroup y all a x\nquorum y\n").reached);
    // What is not in the quorum does not count.
    EXPECT_TRUE(judge("group x all b c\nquorum a\n").reached);
}

TEST(WitnessPolicy, AWrongCosignatureSpoilsTheCheckpoint) {
    Note changed = note;
    changed.signatures.front().signature.back() ^= 1;
    const auto quorum = WitnessPolicy::parse(witnesses() + "quorum a\n").value().judge(changed);
    ASSERT_FALSE(quorum);
    EXPECT_EQ(quorum.error().code, Code::signature_refused);
    // But not when its witness is not known.
    EXPECT_TRUE(WitnessPolicy::parse(std::format("witness a {}\nquorum a\n", remora))
                    .value()
                    .judge(changed)
                    ->reached);
}

TEST(WitnessPolicy, MayNameLogs) {
    const auto policy =
        WitnessPolicy::parse(std::format("# logs\nlog {} https://log.example/\nquorum none\n", log_key));
    ASSERT_TRUE(policy);
    EXPECT_EQ(policy->logs().at(0).text(), log_key);
}

TEST(WitnessPolicy, RefusesWhatIsNone) {
    const auto w = std::format("witness a {}\n", remora);
    for (const auto &text : {std::string(),
                             std::string("quorum\n"),
                             std::string("quorum none"),
                             std::string("quorum none\r\n"),
                             std::string("quorum none\nquorum none\n"),
                             std::string("quorum a\n"),
                             w,
                             w + w + "quorum a\n",
                             w + std::format("witness b {}\nquorum a\n", remora),
                             std::format("witness none {}\nquorum none\n", remora),
                             std::format("witness a {}\nquorum a\n", log_key),
                             std::string("witness a nonsense\nquorum a\n"),
                             std::format("log {}\nlog {}\nquorum none\n", log_key, log_key),
                             w + "group g 0 a\nquorum g\n",
                             w + "group g 2 a\nquorum g\n",
                             w + "group g x a\nquorum g\n",
                             w + "group g any\nquorum g\n",
                             w + "group g any b\nquorum g\n",
                             w + "group a any a\nquorum a\n",
                             w + "group g any g\nquorum g\n",
                             w + "group g any a a\nquorum g\n",
                             w + "group g any a\ngroup h any a\nquorum h\n",
                             "quorum a\n" + w,
                             w + "quorum a b\n",
                             w + "anything\nquorum a\n"}) {
        const auto policy = WitnessPolicy::parse(text);
        ASSERT_FALSE(policy) << text;
        EXPECT_EQ(policy.error().code, Code::usage);
    }
}

TEST(WitnessPolicy, NamesTheLineThatIsWrong) {
    EXPECT_NE(WitnessPolicy::parse("\n# a\nwhat\n").error().detail.find("line 3"), std::string::npos);
}

TEST(WitnessPolicy, HasNoMoreNamesThanTheLimit) {
    std::string text = std::format("witness a {}\ngroup g0 any a\n", remora);
    for (std::size_t i = 1; i + 1 < max_policy_names; i++) {
        text += std::format("group g{} any g{}\n", i, i - 1);
    }
    EXPECT_TRUE(WitnessPolicy::parse(text + "quorum g0\n"));
    EXPECT_FALSE(
        WitnessPolicy::parse(text + std::format("group h any g{}\nquorum h\n", max_policy_names - 2)));
}

} // namespace
} // namespace dsmil::ledger
