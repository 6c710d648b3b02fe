// SPDX-License-Identifier: Apache-2.0
#include "base/file.hpp"
#include "grants/rules.hpp"
#include "support.hpp"

#include <format>
#include <gtest/gtest.h>
#include <map>
#include <sys/stat.h>
#include <tuple>

namespace dsmil::grants {
namespace {

// RFC 6979, A.2.5, and the key whose private part is 1 (the base point of P-256).
constexpr std::string_view first_key = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7
Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
-----END PUBLIC KEY-----
)";
constexpr std::string_view second_key = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
)";

Surroundings surroundings() {
    static const std::map<std::string, std::uint32_t, std::less<>> users = {
        {"alice", 1001}, {"bob", 1002}, {"root", 0}};
    return {
        .user = [](const std::string &name) -> std::optional<std::uint32_t> {
            const auto found = users.find(name);
            return found != users.end() ? std::optional(found->second) : std::nullopt;
        },
        .group = [](const std::string &name) -> std::optional<std::uint32_t> {
            return name == "operators" ? std::optional<std::uint32_t>(200) : std::nullopt;
        },
        .file = [](const std::string &path) -> Result<std::string> {
            if (path == "/bob.pem") {
                return std::string(first_key);
            }
            if (path == "/other.pem") {
                return std::string(second_key);
            }
            if (path == "/bad.pem") {
                return std::string("no key");
            }
            return fail(Code::not_found, path);
        },
    };
}

Result<Rules> parse(std::string_view text) {
    return parse_rules(text, "grants.toml", surroundings());
}

const std::string bob = "[[approver]]\nname = \"bob\"\nuser = \"bob\"\nkey = \"/bob.pem\"\n";

struct RuleText {
    std::string devices = R"(["0x8064"])";
    std::string registers = R"(["CONFIG"])";
    std::string values = R"(["0x1", "0x10-0x1F", "100"])";
    std::string rest = "users = [\"alice\"]\n";
    std::string name = "fan";

    [[nodiscard]] std::string text() const {
        return std::format(
            "[[rule]]\nname = \"{}\"\ndevices = {}\nregisters = {}\nvalues = {}\nmax_per_day = 3\n"
            "max_seconds = 60\n{}",
            name, devices, registers, values, rest);
    }
};

Terms terms() {
    Terms asked;
    asked.device_id = 0x8064;
    asked.reg = Register::config;
    asked.value = 1;
    return asked;
}

Asker alice() {
    return {.uid = 1001, .groups = {100}, .weekday = 3, .minute = 600};
}

TEST(GrantRules, WithoutAnyEverythingIsDenied) {
    const auto rules = parse("");
    ASSERT_TRUE(rules);
    EXPECT_EQ(rules->find(terms(), alice()).error().code, Code::grant_denied);
}

TEST(GrantRules, WhatIsWrongIsSaidWithItsLine) {
    RuleText rule;
    const auto with = [&](auto change) {
        RuleText changed = rule;
        change(changed);
        return changed.text();
    };
    for (const auto &[text, said] : std::vector<std::pair<std::string, std::string>>{
             {"[[rule", "grants.toml:1"},
             {"[rules]\n", "grants.toml:1: there is no rules"},
             {"rule = 1\n", "rule must be at most"},
             {"[[rule]]\nname = \"x\"\n", "has no devices"},
             {rule.text() + "color = 1\n", "grants.toml:9: [[rule]] has no key color"},
             {with([](RuleText &r) { r.devices = R"(["no such"])"; }), "there is no device \"no such\""},
             {with([](RuleText &r) { r.devices = R"(["0x8009"])"; }), "no grant opens it"},
             {with([](RuleText &r) { r.devices = R"(["0x8053"])"; }), "no grant opens it"},
             {with([](RuleText &r) { r.devices = "[]"; }), "must be an array"},
             {with([](RuleText &r) { r.registers = R"(["ALL"])"; }), "there is no register"},
             {with([](RuleText &r) { r.values = R"(["0x20-0x10"])"; }), "is no value"},
             {with([](RuleText &r) { r.values = R"(["0x100000000"])"; }), "is no value"},
             {with([](RuleText &r) { r.values = R"(["-1"])"; }), "is no value"},
             {with([](RuleText &r) { r.values = "[1]"; }), "must be an array"},
             {with([](RuleText &r) { r.rest = ""; }), "names no users"},
             {with([](RuleText &r) { r.rest = "users = [\"mallory\"]\n"; }), "there is no user"},
             {with([](RuleText &r) { r.rest = "groups = [\"nobody\"]\n"; }), "there is no group"},
             {with([](RuleText &r) { r.rest += "days = [\"monday\"]\n"; }), "is no day"},
             {with([](RuleText &r) { r.rest += "hours = \"8-18\"\n"; }), "must be such as"},
             {with([](RuleText &r) { r.rest += "hours = \"08:00-25:00\"\n"; }), "must be such as"},
             {with([](RuleText &r) { r.rest += "hours = \"08:00-08:00\"\n"; }), "must be such as"},
             {with([](RuleText &r) { r.rest += "mask = 0\n"; }), "whole number"},
             {with([](RuleText &r) { r.rest += "approvers = [\"bob\"]\n"; }), "there is no [[approver]]"},
             {with([](RuleText &r) { r.name = ""; }), "must be a string"},
             {rule.text() + rule.text(), "two rules named"},
         }) {
        const auto rules = parse(text);
        ASSERT_FALSE(rules) << text;
        EXPECT_EQ(rules.error().code, Code::config_invalid);
        EXPECT_NE(rules.error().detail.find(said), std::string::npos) << rules.error().detail << "\n" << text;
    }
}

TEST(GrantRules, AnApproverIsAPersonWithAKey) {
    for (const auto &[text, said] : std::vector<std::pair<std::string, std::string>>{
             {"[[approver]]\nname = \"bob\"\nuser = \"bob\"\n", "has no key"},
             {"[[approver]]\nname = \"bob\"\nuser = \"bob\"\nkey = \"bob.pem\"\n", "absolute path"},
             {"[[approver]]\nname = \"bob\"\nuser = \"bob\"\nkey = \"/gone.pem\"\n", "cannot be read"},
             {"[[approver]]\nname = \"bob\"\nuser = \"bob\"\nkey = \"/bad.pem\"\n", "no public key"},
             {"[[approver]]\nname = \"bob\"\nuser = \"eve\"\nkey = \"/bob.pem\"\n", "there is no user"},
             {"[[approver]]\nname = \"dsmild\"\nuser = \"bob\"\nkey = \"/bob.pem\"\n", "the daemon's own"},
             {"[[approver]]\nname = \"bob\"\nuser = \"root\"\nkey = \"/bob.pem\"\n", "is root"},
             {"[[approver]]\nname = \"b\u043eb\"\nuser = \"bob\"\nkey = \"/bob.pem\"\n", "of ASCII"},
             {"[[approver]]\nname = \"bob \"\nuser = \"bob\"\nkey = \"/bob.pem\"\n", "of ASCII"},
             {bob + "[[approver]]\nname = \"Bob\"\nuser = \"alice\"\nkey = \"/other.pem\"\n", "has the name"},
             {bob + "[[approver]]\nname = \"bob\"\nuser = \"alice\"\nkey = \"/other.pem\"\n", "has the name"},
             {bob + "[[approver]]\nname = \"b2\"\nuser = \"bob\"\nkey = \"/other.pem\"\n", "has the name"},
             {bob + "[[approver]]\nname = \"b2\"\nuser = \"alice\"\nkey = \"/bob.pem\"\n", "has the name"},
         }) {
        const auto rules = parse(text);
        ASSERT_FALSE(rules) << text;
        EXPECT_NE(rules.error().detail.find(said), std::string::npos) << rules.error().detail;
    }
    const auto rules = parse(bob);
    ASSERT_TRUE(rules);
    ASSERT_NE(rules->approver("bob"), nullptr);
    EXPECT_EQ(rules->approver("bob")->uid, 1002U);
    EXPECT_EQ(rules->approver("eve"), nullptr);
}

TEST(GrantRules, AGuardedDeviceNeedsASecondPerson) {
    RuleText rule{
        .devices = {}, .registers = R"(["CONFIG"])", .values = R"(["1"])", .rest = "users = [\"alice\"]\n"};
    for (const auto &device : catalog()) {
        if (device.risk != Risk::guarded) {
            continue;
        }
        rule.devices = std::format("[\"0x{:04x}\"]", device.id);
        EXPECT_FALSE(parse(rule.text())) << device.name;
        auto with = rule;
        with.rest += "approvers = [\"bob\"]\n";
        EXPECT_TRUE(parse(bob + with.text())) << device.name;
    }
}

TEST(GrantRules, WhatCanNeverFitIsSaid) {
    const auto said = [](const std::string &text) {
        const auto rules = parse(text);
        return rules ? "taken" : rules.error().detail;
    };
    RuleText rule{.rest = "users = [\"bob\"]\napprovers = [\"bob\"]\n"};
    EXPECT_NE(said(bob + rule.text()).find("only user is its only approver"), std::string::npos);
    rule.rest = "users = [\"bob\", \"alice\"]\napprovers = [\"bob\"]\n";
    EXPECT_EQ(said(bob + rule.text()), "taken");
    rule.rest = "users = [\"bob\"]\ngroups = [\"operators\"]\napprovers = [\"bob\"]\n";
    EXPECT_EQ(said(bob + rule.text()), "taken");
    for (const auto &[values, mask, fits] : std::vector<std::tuple<std::string, std::string, bool>>{
             {R"(["0x1"])", "0xF0", false},
             {R"(["0x0"])", "0xF0", true},
             {R"(["0x1-0xF"])", "0xF0", false},
             {R"(["0x1-0x10"])", "0xF0", true},
             {R"(["0xF1-0xFFFFFFFF"])", "0xF0", false},
             {R"(["0x12-0x1F", "0x10"])", "0x15", true},
             {R"(["0x16-0x1F"])", "0x15", false},
             {R"(["0x80000001-0xFFFFFFFF"])", "0x80000000", false},
             {R"(["0x7FFFFFFF-0x80000000"])", "0x80000000", true},
         }) {
        const auto text =
            said(RuleText{.values = values, .rest = "users = [\"alice\"]\nmask = " + mask + "\n"}.text());
        EXPECT_EQ(text == "taken", fits) << values << " " << mask << ": " << text;
    }
}

TEST(GrantRules, AFileThatEverybodyMayWriteIsNotRead) {
    const test::TempDir directory;
    const std::string path = directory.path("grants.toml");
    ASSERT_TRUE(write_file(path, as_bytes(RuleText{.rest = "groups = [\"root\"]\n"}.text()), 0644));
    EXPECT_TRUE(read_rules(path));
    ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
    const auto open = read_rules(path);
    ASSERT_FALSE(open);
    EXPECT_EQ(open.error().code, Code::config_invalid);
    ASSERT_FALSE(open.error().causes.empty());
    EXPECT_NE(open.error().causes.front().find("everybody may write"), std::string::npos);
}

TEST(GrantRules, AllowOnlyWhatTheySay) {
    const auto rules = parse(RuleText{.rest = "users = [\"alice\"]\ngroups = [\"operators\"]\n"}.text());
    ASSERT_TRUE(rules);
    const auto decide = [&](auto change) {
        Terms asked = terms();
        Asker asker = alice();
        change(asked, asker);
        return rules->find(asked, asker).has_value();
    };
    EXPECT_TRUE(decide([](Terms &, Asker &) {}));
    EXPECT_TRUE(decide([](Terms &t, Asker &) { t.value = 0x1F; }));
    EXPECT_TRUE(decide([](Terms &t, Asker &) { t.value = 100; }));
    EXPECT_TRUE(
        decide([](Terms &, Asker &a) { a = {.uid = 5, .groups = {7, 200}, .weekday = 0, .minute = 0}; }));
    EXPECT_FALSE(decide([](Terms &t, Asker &) { t.device_id = 0x8065; }));
    EXPECT_FALSE(decide([](Terms &t, Asker &) { t.reg = Register::data; }));
    EXPECT_FALSE(decide([](Terms &t, Asker &) { t.value = 0x20; }));
    EXPECT_FALSE(decide([](Terms &t, Asker &) { t.value = 0; }));
    EXPECT_FALSE(decide([](Terms &t, Asker &) { t.mask = 0xFFFFFFFE; })) << "the last bit would be free";
    EXPECT_FALSE(decide([](Terms &, Asker &a) { a.uid = 1002; }));
}

TEST(GrantRules, AMaskFreesTheBitsItLeavesOut) {
    const auto rules =
        parse(RuleText{.values = R"(["0x1"])", .rest = "users = [\"alice\"]\nmask = 0xFF\n"}.text());
    ASSERT_TRUE(rules);
    Terms asked = terms();
    asked.mask = 0xFF;
    EXPECT_TRUE(rules->find(asked, alice()));
    asked.value = 0xAB01;
    EXPECT_TRUE(rules->find(asked, alice()));
    asked.value = 2;
    EXPECT_FALSE(rules->find(asked, alice()));
    asked = terms();
    asked.mask = 0x7F;
    EXPECT_FALSE(rules->find(asked, alice()));
}

TEST(GrantRules, HoldAtTheirTimes) {
    const auto day =
        parse(RuleText{.rest = "users = [\"alice\"]\ndays = [\"wed\"]\nhours = \"08:00-18:00\"\n"}.text());
    const auto night = parse(RuleText{.rest = "users = [\"alice\"]\nhours = \"22:00-06:00\"\n"}.text());
    ASSERT_TRUE(day);
    ASSERT_TRUE(night);
    const auto at = [](const Rules &rules, unsigned weekday, unsigned minute) {
        Asker asker = alice();
        asker.weekday = weekday;
        asker.minute = minute;
        return rules.find(terms(), asker).has_value();
    };
    EXPECT_TRUE(at(*day, 3, 480));
    EXPECT_TRUE(at(*day, 3, 1079));
    EXPECT_FALSE(at(*day, 3, 479));
    EXPECT_FALSE(at(*day, 3, 1080));
    EXPECT_FALSE(at(*day, 4, 600));
    EXPECT_TRUE(at(*night, 0, 1320));
    EXPECT_TRUE(at(*night, 0, 359));
    EXPECT_FALSE(at(*night, 0, 360));
    EXPECT_FALSE(at(*night, 0, 1319));
    const auto friday =
        parse(RuleText{.rest = "users = [\"alice\"]\ndays = [\"fri\"]\nhours = \"22:00-06:00\"\n"}.text());
    const auto saturday =
        parse(RuleText{.rest = "users = [\"alice\"]\ndays = [\"sat\"]\nhours = \"22:00-06:00\"\n"}.text());
    ASSERT_TRUE(friday && saturday);
    EXPECT_TRUE(at(*friday, 5, 1320));
    EXPECT_TRUE(at(*friday, 6, 359)) << "the night that began on Friday";
    EXPECT_FALSE(at(*friday, 5, 0)) << "that of Thursday";
    EXPECT_FALSE(at(*friday, 6, 1320));
    EXPECT_TRUE(at(*saturday, 0, 0)) << "Sunday comes after Saturday";
}

TEST(GrantRules, TheRefusalNamesWhatIsNearest) {
    const auto rules = parse(RuleText{}.text());
    ASSERT_TRUE(rules);
    Terms asked = terms();
    asked.value = 7;
    EXPECT_NE(rules->find(asked, alice()).error().detail.find("allows the value 0x00000007"),
              std::string::npos);
    Asker stranger = alice();
    stranger.uid = 1;
    EXPECT_NE(rules->find(terms(), stranger).error().detail.find("\"fan\" does not name you"),
              std::string::npos);
}

} // namespace
} // namespace dsmil::grants
