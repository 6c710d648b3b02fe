// SPDX-License-Identifier: Apache-2.0
// What the verifier reads: configuration, fleet, requests; and its bounds.
#include "base/file.hpp"
#include "support.hpp"
#include "verifierd/config.hpp"
#include "verifierd/identity.hpp"
#include "verifierd/rate_limit.hpp"
#include "verifierd/requests.hpp"
#include "verifierd/rules.hpp"
#include "verifierd/store.hpp"

#include <format>
#include <gtest/gtest.h>

namespace dsmil::verifierd {
namespace {

Result<Fleet> fleet(const std::string &text) {
    return parse_fleet(text, "fleet.toml", [](const std::string &) -> Result<std::string> {
        return fail(Code::not_found, "no file");
    });
}

std::string complaint(const std::string &text) {
    const auto parsed = fleet(text);
    return parsed ? "" : parsed.error().detail;
}

TEST(Fleets, ErrorsNameTheLine) {
    EXPECT_EQ(complaint("[[rule]]\n"), "fleet.toml:1: there is no key rule");
    EXPECT_EQ(complaint("rules = 1\n"), "fleet.toml:1: rules must be sections [[rules]], at most 256");
    EXPECT_EQ(complaint("[[rules]]\nnames = 1\n"), "fleet.toml:2: there is no key names");
    EXPECT_EQ(complaint("[[rules]]\nname = \"a\"\n"), "fleet.toml:1: a rule needs name and machines");
    EXPECT_EQ(complaint("[[rules]]\nname = \"a\"\nmachines = [\"a b\"]\n"),
              "fleet.toml:3: machines must be names of machines, in which * stands for anything");
    EXPECT_EQ(complaint("[[rules]]\nname = \"a\"\nmachines = [\"a\"]\npcrs = [1, 1]\n"),
              "fleet.toml:4: pcrs must be an array of distinct numbers from 0 to 23, at least one");
    EXPECT_TRUE(complaint("[[rules]]\nname = \"a\"\nmachines = [\"a\"]\npcrs = [1]\nima = true\n")
                    .contains("PCR 10 must be among pcrs"));
    EXPECT_TRUE(complaint("[[rules]]\nname = \"a\"\nmachines = [\"a\"]\nreference = \"/r\"\n")
                    .contains("the reference values /r"));
    EXPECT_TRUE(complaint("[[pull]]\nmachine = \"a\"\naddress = \"a\"\n").contains("\"host:port\""));
    EXPECT_TRUE(complaint("[[pull]]\nmachine = \"a\"\naddress = \"a:1\"\n[[pull]]\nmachine = \"a\"\n"
                          "address = \"b:1\"\n")
                    .contains("twice"));
}

TEST(Fleets, TheFirstRuleThatFitsIsTheMachines) {
    const auto parsed = fleet("[[rules]]\nname = \"one\"\nmachines = [\"lab-*\", \"x\"]\nima = true\n"
                              "[[rules]]\nname = \"two\"\nmachines = [\"*-7\"]\n");
    ASSERT_TRUE(parsed) << parsed.error().detail;
    EXPECT_EQ(parsed->rule_of("lab-7")->name, "one");
    EXPECT_EQ(parsed->rule_of("x")->name, "one");
    EXPECT_EQ(parsed->rule_of("desk-7")->name, "two");
    EXPECT_EQ(parsed->rule_of("xx"), nullptr);
    EXPECT_EQ(parsed->rules[0].pcrs, 0x4FFU); // with PCR 10
    EXPECT_EQ(parsed->rules[1].pcrs, 0xFFU);
}

TEST(Fleets, PatternsMatchWhole) {
    EXPECT_TRUE(matches("*", ""));
    EXPECT_TRUE(matches("a*b*c", "aXbYbZc"));
    EXPECT_TRUE(matches("a**", "a"));
    EXPECT_FALSE(matches("a*b", "abc"));
    EXPECT_FALSE(matches("a", "ab"));
    EXPECT_FALSE(matches("", "a"));
}

TEST(Fleets, AddressesAreHostsAndPorts) {
    EXPECT_EQ(parse_address("host.example:8444"), (Address{"host.example", 8444}));
    EXPECT_EQ(parse_address("[2001:db8::1]:1"), (Address{"2001:db8::1", 1}));
    for (const auto *bad : {"host", "host:", ":1", "host:0", "host:65536", "host:1x", "ho st:1", "a:b:1"}) {
        EXPECT_FALSE(parse_address(bad)) << bad;
    }
}

TEST(VerifierConfig, EveryKeyIsDocumentedWithItsDefault) {
    const auto text = read_file(test::source_path("docs/verifierd.toml"), 1 << 20);
    ASSERT_TRUE(text);
    const auto parsed = parse_config(*text, "verifierd.toml");
    ASSERT_TRUE(parsed) << parsed.error().detail;
    for (const auto &key : config_keys()) {
        const auto name = key.substr(key.find('.') + 1);
        EXPECT_TRUE(text->contains("\n" + name + " = ")) << key;
    }
    const Config defaults;
    EXPECT_EQ(parsed->listen.port, defaults.listen.port);
    EXPECT_EQ(parsed->tls.certificate, defaults.tls.certificate);
    EXPECT_EQ(parsed->store.state_dir, defaults.store.state_dir);
    EXPECT_EQ(parsed->attestation.dead_s, defaults.attestation.dead_s);
    EXPECT_EQ(parsed->pull.interval, defaults.pull.interval);
}

TEST(VerifierConfig, LateIsNotAfterDead) {
    const auto parsed = parse_config("[attestation]\nlate_s = 10\ndead_s = 9\n", "f");
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, Code::config_invalid);
}

TEST(VerifierRequests, WhatIsMissingOrTooMuchIsNamed) {
    const auto why = [](const auto &result) { return result ? std::string() : result.error().detail; };
    EXPECT_EQ(why(parse_evidence("[]")), "the body must be a JSON object");
    EXPECT_EQ(why(parse_evidence("{\"extra\":1}")), "there is no member extra");
    EXPECT_EQ(why(parse_evidence("{}")), "quoted is missing");
    EXPECT_EQ(why(parse_evidence(R"({"quoted":"AA==","signature":"AA=="})")), "pcrs must be an object");
    EXPECT_EQ(why(parse_evidence(R"({"pcrs":{},"quoted":"AA==","signature":"A"})")),
              "signature must be 1 to 4096 bytes in base64");
    for (const auto *pcrs : {R"({"24":""})", R"({"0":"00"})", R"({"x":""})", R"({"00":""})", R"({"0":1})"}) {
        EXPECT_TRUE(
            why(parse_evidence(std::format(R"({{"pcrs":{},"quoted":"AA==","signature":"AA=="}})", pcrs)))
                .starts_with("pcrs must have"))
            << pcrs;
    }
    EXPECT_TRUE(parse_evidence(R"({"pcrs":{},"quoted":"AA==","signature":"AA==","ima":null})"));
    EXPECT_EQ(why(parse_secret("{}")), "secret is missing");
    EXPECT_EQ(why(parse_enrolment(R"({"ek":{},"ak":{}})")), "public is missing");
    EXPECT_EQ(why(parse_enrolment(R"({"ek":{"public":"AA==","chain":1},"ak":{"public":"AA=="}})")),
              "chain must be an array of at most 8 certificates");
}

TEST(Identities, AnEkWithACertificateIsChosen) {
    const auto chosen = choose_identity(
        R"({"ek":[{"type":"rsa-2048","public":"AA==","certificate":null},)"
        R"({"type":"ecc-p256","public":"BB==","certificate":"CC==","chain":[]}],"ak":{"public":"DD=="},"keys":[]})");
    ASSERT_TRUE(chosen) << chosen.error().detail;
    EXPECT_EQ(chosen->ek_type, "ecc-p256");
    EXPECT_TRUE(chosen->enrolment.contains("CC=="));
    EXPECT_EQ(choose_identity(R"({"ek":[],"ak":{}})").error().code, Code::not_found);
    EXPECT_EQ(choose_identity("{}").error().code, Code::malformed);
    EXPECT_EQ(choose_identity("").error().code, Code::malformed);
}

TEST(RateLimits, SoManyAtOnceAndThenAsTimeGoesBy) {
    RateLimit limit(60);
    std::uint64_t now = 1'000'000'000;
    for (int i = 0; i < 60; i++) {
        EXPECT_TRUE(limit.take("a", now));
    }
    EXPECT_FALSE(limit.take("a", now));
    EXPECT_TRUE(limit.take("b", now)); // each for itself
    now += 1'000'000'000;
    EXPECT_TRUE(limit.take("a", now));
    EXPECT_FALSE(limit.take("a", now));
}

TEST(RateLimits, CallersAreBounded) {
    RateLimit limit(1);
    for (std::size_t i = 0; i < RateLimit::max_callers; i++) {
        ASSERT_TRUE(limit.take(std::to_string(i), 1));
    }
    EXPECT_FALSE(limit.take("one more", 1));
    EXPECT_EQ(limit.callers(), RateLimit::max_callers);
    EXPECT_TRUE(limit.take("one more", 61'000'000'000)); // the others are full again
    EXPECT_EQ(limit.callers(), 1U);
}

class Stores : public testing::Test {
  protected:
    [[nodiscard]] Store open() {
        auto store = Store::open(directory.path("v.db"), 0);
        EXPECT_TRUE(store) << store.error().detail;
        return std::move(*store);
    }
    static Session session(std::size_t number) {
        return {.id = std::to_string(number),
                .machine = std::format("m{}", number),
                .nonce = Bytes(32, 1),
                .pcrs = 1,
                .issued_s = 100,
                .expires_s = 160,
                .used = false};
    }
    static Enrolment enrolment(std::size_t number) {
        return {.id = std::to_string(number),
                .machine = std::format("m{}", number),
                .keys = {},
                .secret = Bytes(32, 1),
                .issued_s = 100,
                .expires_s = 160};
    }
    test::TempDir directory;
};

TEST_F(Stores, QuestionsAreBoundedAndThoseThatRanOutMakeRoom) {
    Store store = open();
    for (std::size_t i = 0; i < max_sessions; i++) {
        ASSERT_TRUE(store.put(session(i), 100));
    }
    EXPECT_EQ(store.counts(100)->sessions, max_sessions);
    EXPECT_EQ(store.put(session(max_sessions), 100).error().code, Code::try_again);
    EXPECT_TRUE(store.put(session(0), 100)); // in place of its own
    auto late = session(max_sessions);
    late.issued_s = 160;
    late.expires_s = 220;
    EXPECT_TRUE(store.put(late, 160));
    EXPECT_EQ(store.counts(160)->sessions, 1U);
}

TEST_F(Stores, EnrolmentsAreBounded) {
    Store store = open();
    for (std::size_t i = 0; i < max_enrolments; i++) {
        ASSERT_TRUE(store.put(enrolment(i), 100));
    }
    EXPECT_EQ(store.put(enrolment(max_enrolments), 100).error().code, Code::try_again);
    EXPECT_EQ(store.counts(100)->enrolments, max_enrolments);
}

TEST_F(Stores, AnotherFileIsNotOverwritten) {
    ASSERT_TRUE(ledger::Database::open(directory.path("v.db"), ledger::Database::Mode::create)
                    ->run("CREATE TABLE theirs(x)"));
    EXPECT_EQ(Store::open(directory.path("v.db"), 0).error().code, Code::failed);
}

TEST_F(Stores, AFullDiskChangesNothing) {
    auto store = Store::open(directory.path("v.db"), 128 * 1024);
    ASSERT_TRUE(store) << store.error().detail;
    Machine machine;
    machine.name = "a";
    machine.keys.ek_name = Bytes(34, 1);
    ASSERT_TRUE(store->pin(machine, ""));
    const Record record{.number = 0,
                        .at_s = 1,
                        .outcome = Outcome::broken_evidence,
                        .body = std::string(10'000, 'x'),
                        .token = ""};
    machine.outcome = Outcome::broken_evidence;
    Result<std::uint64_t> kept = 0;
    std::size_t count = 0;
    while (kept && count < 100) {
        machine.tried_s = ++count;
        kept = store->conclude("", machine, &record, 1'000);
    }
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().code, Code::disk_full);
    EXPECT_EQ((*store->machine("a"))->tried_s, count - 1); // the last that was kept
    EXPECT_EQ(store->records("a", 1'000)->size(), count - 1);
}

} // namespace
} // namespace dsmil::verifierd
