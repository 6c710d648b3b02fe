// SPDX-License-Identifier: Apache-2.0
// Who issues grants, over a real ledger, with a kernel and keys of our choice.
#include "grants/grant.hpp"
#include "grants/service.hpp"
#include "ledger/database.hpp"
#include "support.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <linux/dsmil.h>

namespace dsmil::grants {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint16_t monitored = 0x8064;
constexpr std::uint16_t guarded = 0x8034;
constexpr std::uint32_t alice = 1001;
constexpr std::uint32_t bob = 1002;

class TestClock final : public Clock {
  public:
    [[nodiscard]] std::uint64_t boottime_ns() const override { return boottime; }
    [[nodiscard]] std::uint64_t realtime_ns() const override { return realtime; }
    std::uint64_t boottime = 1'000 * second_ns;
    std::uint64_t realtime = 1'700'000'000 * second_ns;
};

class TestKernel final : public Kernel {
  public:
    explicit TestKernel(Result<KernelFacts> &facts) : facts_(facts) {}
    [[nodiscard]] Result<KernelFacts> facts() override { return facts_; }

  private:
    Result<KernelFacts> &facts_;
};

// Signs when the test says so.
class LateKey final : public ledger::Signer {
  public:
    explicit LateKey(test::TestKey &key) : key_(key) {}
    [[nodiscard]] std::optional<Bytes> public_key() const override { return key_.public_key(); }
    void sign(const Hash &digest, Then<Result<Bytes>> then) override {
        if (!late) {
            key_.sign(digest, std::move(then));
            return;
        }
        digest_ = digest;
        then_ = std::move(then);
    }
    void sign_now() { key_.sign(digest_, std::move(then_)); }
    bool late = false;

  private:
    test::TestKey &key_;
    Hash digest_{};
    Then<Result<Bytes>> then_;
};

class GrantService : public testing::Test {
  protected:
    void SetUp() override {
        enrol(own_key, std::string(daemon_owner));
        enrol(bobs_key, "bob");
        facts->load_id.fill(7);
        facts->firmware_kind = DSMIL_FIRMWARE_SIM;
        facts->supports_grants = true;
        rules.approvers = {{.name = "bob", .uid = bob, .key = point_of(bobs_key)}};
        rules.rules = {
            {.name = "one",
             .devices = {monitored},
             .registers = {Register::config},
             .values = {{0, 9}},
             .uids = {alice, bob},
             .gids = {},
             .weekdays = {},
             .max_per_day = 2,
             .max_seconds = 60,
             .approvers = {}},
            {.name = "two",
             .devices = {guarded},
             .registers = {Register::config},
             .values = {{1, 1}},
             .uids = {alice, bob},
             .gids = {},
             .weekdays = {},
             .max_per_day = 2,
             .max_seconds = 60,
             .approvers = {"bob"}},
        };
        begin();
    }

    // A daemon's life.
    void begin() {
        service.reset();
        ledger.emplace(reactor, log.log, clock, own_key);
        ledger::ServiceOptions options;
        options.state_dir = directory.path("");
        options.ledger.path = directory.path("ledger.db");
        options.ledger.default_origin = "test.example/log";
        ASSERT_TRUE(ledger->start(std::move(options)));
        service.emplace(reactor, log.log, clock, *ledger, grant_key, std::make_unique<TestKernel>(facts),
                        std::chrono::milliseconds(1));
        service->start(rules);
        await_count();
    }

    void await_count() {
        while (ask(alice, terms(0x8065)).error().code == Code::try_again) {
        }
    }

    void enrol(const test::TestKey &key, std::string owner) {
        facts->keys.push_back({.id = point_of(key).id(), .owner = std::move(owner)});
    }
    static P256Point point_of(const test::TestKey &key) { return decode_public_key(key.spki()).value(); }

    static Caller caller(std::uint32_t uid) { return {.uid = uid, .pid = 9, .groups = {}, .comm = "test"}; }
    static Terms terms(std::uint16_t device = monitored) {
        Terms asked;
        asked.device_id = device;
        asked.reg = Register::config;
        asked.value = 1;
        return asked;
    }

    template <typename T, typename Start>
    Result<T> wait(Start start) {
        std::optional<Result<T>> answer;
        start([&answer](Result<T> result) { answer = std::move(result); });
        test::run_until(reactor, [&] { return answer.has_value(); });
        return std::move(*answer);
    }
    Result<Entry> ask(std::uint32_t uid, Terms asked = terms()) {
        return wait<Entry>([&](auto then) { service->request(caller(uid), asked, std::move(then)); });
    }
    Result<Entry> approve(std::uint32_t uid, const Entry &entry, const test::TestKey &key) {
        const Bytes der = key.sign_digest(sha256(as_bytes(message_of(entry.body))));
        return wait<Entry>([&](auto then) {
            service->approve(caller(uid), entry.id, std::string(as_text(der)), std::move(then));
        });
    }
    Result<Service::Issued> issue(std::uint32_t uid, const std::string &id) {
        return wait<Service::Issued>([&](auto then) { service->issue(caller(uid), id, std::move(then)); });
    }
    Result<Entry> revoke(std::uint32_t uid, const std::string &id, bool is_admin = false) {
        return wait<Entry>([&](auto then) { service->revoke(caller(uid), id, is_admin, std::move(then)); });
    }
    // "action outcome" of the ledger's records.
    std::vector<std::string> recorded() {
        const auto records = wait<std::vector<ledger::Record>>(
            [&](auto then) { ledger->read(0, ledger::Service::max_read, std::move(then)); });
        std::vector<std::string> all;
        for (const auto &record : *records) {
            all.push_back(record.action + " " + record.outcome);
        }
        return all;
    }

    // The counts of refusals that were held back.
    std::vector<std::uint64_t> counted() {
        const auto records = wait<std::vector<ledger::Record>>(
            [&](auto then) { ledger->read(0, ledger::Service::max_read, std::move(then)); });
        std::vector<std::uint64_t> counts;
        for (const auto &record : *records) {
            if (record.action == "grant_requests_counted") {
                const auto count = std::ranges::find(record.values, "count", &ledger::Field::name);
                counts.push_back(std::get<std::uint64_t>(count->value));
            }
        }
        return counts;
    }

    test::TempDir directory;
    test::TestLog log;
    test::TestKey own_key;
    test::TestKey bobs_key;
    test::TestKey carols_key;
    LateKey grant_key{own_key};
    TestClock clock;
    Result<KernelFacts> facts = KernelFacts{};
    Rules rules;
    Reactor reactor;
    std::optional<ledger::Service> ledger;
    std::optional<Service> service;
};

TEST_F(GrantService, WhatNoRuleAllowsIsDeniedAndRecorded) {
    auto asked = terms();
    asked.value = 10;
    EXPECT_EQ(ask(alice, asked).error().code, Code::grant_denied);
    EXPECT_EQ(ask(5000).error().code, Code::grant_denied);
    asked = terms();
    asked.seconds = 61;
    EXPECT_EQ(ask(alice, asked).error().code, Code::grant_denied);
    asked = terms(guarded);
    asked.approver = "eve";
    EXPECT_EQ(ask(alice, asked).error().code, Code::grant_denied);
    EXPECT_EQ(std::ranges::count(recorded(), "grant_requested refused"), 4 + 1); // and that of begin()
    EXPECT_TRUE(service->list().empty());
}

// Any reader may ask: a flood must neither fill the ledger nor be lost from it.
TEST_F(GrantService, AFloodOfRefusalsIsOneRecordWithItsCount) {
    constexpr std::uint32_t mallory = 5000;
    const auto flood = [&](unsigned count) {
        for (unsigned i = 0; i < count; i++) {
            ASSERT_EQ(ask(mallory).error().code, Code::grant_denied);
        }
    };
    const auto refused = [&] { return std::ranges::count(recorded(), "grant_requested refused") - 1; };
    flood(Denials::max_records);
    EXPECT_EQ(refused(), Denials::max_records); // all of them, up to the limit
    flood(1'000);
    EXPECT_EQ(refused(), Denials::max_records);
    EXPECT_EQ(ask(bob, terms(0x8065)).error().code, Code::grant_denied);
    EXPECT_EQ(refused(), Denials::max_records + 1); // somebody else is not held back
    EXPECT_EQ(counted(), std::vector<std::uint64_t>{});
    clock.boottime += Denials::window_ns;
    flood(1);
    EXPECT_EQ(counted(), std::vector<std::uint64_t>{1'000});
    EXPECT_EQ(refused(), Denials::max_records + 2); // and he begins anew
    flood(Denials::max_records + 4);
    service->settle(); // At the end nothing stays uncounted.
    EXPECT_EQ(counted(), (std::vector<std::uint64_t>{1'000, 5}));
}

TEST_F(GrantService, OneKeyIsEnoughForAMonitoredDevice) {
    const auto entry = ask(alice);
    ASSERT_TRUE(entry) << entry.error().detail;
    EXPECT_EQ(entry->state, State::approved);
    EXPECT_EQ(entry->body.uid, alice);
    EXPECT_EQ(entry->body.expires_boottime_ns, clock.boottime + 60 * second_ns);
    EXPECT_EQ(entry->body.load_id[0], 7);
    const auto issued = issue(alice, entry->id);
    ASSERT_TRUE(issued) << issued.error().detail;
    EXPECT_EQ(issued->grant.size(), DSMIL_GRANT_BYTES(1));
    EXPECT_EQ(issue(alice, entry->id).error().code, Code::conflict) << "once";
    EXPECT_EQ(recorded().back(), "grant_issued ok");
}

TEST_F(GrantService, TwoRequestsHaveTwoNonces) {
    const auto first = ask(alice);
    const auto second = ask(alice);
    ASSERT_TRUE(first && second);
    EXPECT_NE(first->id, second->id);
    EXPECT_FALSE(std::ranges::equal(first->body.nonce, second->body.nonce));
}

TEST_F(GrantService, NobodyElseGetsIt) {
    const auto entry = ask(alice);
    ASSERT_TRUE(entry);
    EXPECT_EQ(issue(bob, entry->id).error().code, Code::permission);
    EXPECT_EQ(issue(0, entry->id).error().code, Code::permission);
    EXPECT_EQ(revoke(5000, entry->id).error().code, Code::permission);
}

TEST_F(GrantService, AGuardedDeviceTakesASecondPerson) {
    const auto entry = ask(alice, terms(guarded));
    ASSERT_TRUE(entry) << entry.error().detail;
    EXPECT_EQ(entry->state, State::waiting);
    EXPECT_EQ(entry->body.signer_count, 2);
    EXPECT_EQ(issue(alice, entry->id).error().code, Code::grant_pending);
    EXPECT_EQ(approve(alice, *entry, bobs_key).error().code, Code::permission) << "another than the approver";
    EXPECT_EQ(approve(bob, *entry, own_key).error().code, Code::usage) << "another key";
    EXPECT_EQ(issue(alice, entry->id).error().code, Code::grant_pending);
    const auto approved = approve(bob, *entry, bobs_key);
    ASSERT_TRUE(approved) << approved.error().detail;
    EXPECT_EQ(approved->state, State::approved);
    const auto issued = issue(alice, entry->id);
    ASSERT_TRUE(issued) << issued.error().detail;
    ASSERT_EQ(issued->grant.size(), DSMIL_GRANT_BYTES(2));
    dsmil_grant_signature second{};
    std::memcpy(&second, issued->grant.data() + DSMIL_GRANT_BYTES(1), sizeof(second));
    EXPECT_TRUE(
        point_of(bobs_key).signed_this(message_of(entry->body), ByteView(second.der).first(second.length)));
    const auto all = recorded();
    EXPECT_EQ(std::vector(all.end() - 3, all.end()),
              (std::vector<std::string>{"grant_requested ok", "grant_approved ok", "grant_issued ok"}));
}

TEST_F(GrantService, WhoAsksDoesNotApprove) {
    const auto entry = ask(bob, terms(guarded));
    ASSERT_FALSE(entry);
    EXPECT_EQ(entry.error().code, Code::grant_denied) << "there is no other approver";
    rules.approvers.push_back({.name = "carol", .uid = 1003, .key = point_of(carols_key)});
    rules.rules[1].approvers = {"bob", "carol"};
    enrol(carols_key, "carol");
    begin();
    const auto second = ask(bob, terms(guarded));
    ASSERT_TRUE(second) << second.error().detail;
    EXPECT_EQ(second->approver, "carol");
    auto asked = terms(guarded);
    asked.approver = "bob";
    EXPECT_EQ(ask(bob, asked).error().code, Code::grant_denied);
    EXPECT_EQ(ask(alice, terms(guarded))->approver, "bob");
}

TEST_F(GrantService, ASignatureOfOneRequestIsNoneOfAnother) {
    const auto first = ask(alice, terms(guarded));
    const auto second = ask(alice, terms(guarded));
    ASSERT_TRUE(first && second);
    const Bytes der = bobs_key.sign_digest(sha256(as_bytes(message_of(first->body))));
    EXPECT_EQ(wait<Entry>([&](auto then) {
                  service->approve(caller(bob), second->id, std::string(as_text(der)), std::move(then));
              })
                  .error()
                  .code,
              Code::usage);
}

TEST_F(GrantService, WhatIsRevokedIsNotGivenOut) {
    for (const auto &[by, is_admin] :
         {std::pair(alice, false), std::pair(bob, false), std::pair(5000U, true)}) {
        const auto entry = ask(alice, terms(guarded));
        ASSERT_TRUE(entry);
        ASSERT_TRUE(approve(bob, *entry, bobs_key));
        const auto revoked = revoke(by, entry->id, is_admin);
        ASSERT_TRUE(revoked) << revoked.error().detail;
        EXPECT_EQ(revoked->state, State::revoked);
        EXPECT_EQ(issue(alice, entry->id).error().code, Code::conflict);
        EXPECT_EQ(recorded().back(), "grant_revoked ok");
    }
}

TEST_F(GrantService, WhatIsOverIsNotGivenOut) {
    const auto entry = ask(alice);
    ASSERT_TRUE(entry);
    clock.boottime += 60 * second_ns;
    EXPECT_EQ(issue(alice, entry->id).error().code, Code::conflict);
    EXPECT_EQ(service->list().front().state, State::expired);
}

TEST_F(GrantService, ADayHasSoManyAlsoAfterARestart) {
    for (int i = 0; i < 2; i++) {
        const auto entry = ask(alice);
        ASSERT_TRUE(entry);
        ASSERT_TRUE(issue(alice, entry->id));
    }
    EXPECT_EQ(ask(alice).error().code, Code::grant_denied);
    begin();
    EXPECT_EQ(ask(alice).error().code, Code::grant_denied);
    EXPECT_TRUE(ask(alice, terms(guarded))) << "another rule's day";
    clock.realtime += Book::day_ns;
    EXPECT_TRUE(ask(alice));
}

TEST_F(GrantService, ADayHasNoMoreWhileTheTpmSigns) {
    rules.rules[0].max_per_day = 1;
    begin();
    const auto entry = ask(alice);
    ASSERT_TRUE(entry);
    grant_key.late = true;
    std::optional<Result<Service::Issued>> issued;
    service->issue(caller(alice), entry->id,
                   [&](Result<Service::Issued> result) { issued = std::move(result); });
    EXPECT_EQ(ask(alice).error().code, Code::grant_denied);
    grant_key.sign_now();
    test::run_until(reactor, [&] { return issued.has_value(); });
    EXPECT_TRUE(issued->has_value());
    EXPECT_EQ(ask(alice).error().code, Code::grant_denied);
}

TEST_F(GrantService, WhatExpiresWhileTheTpmSignsIsNotGivenOut) {
    const auto entry = ask(alice);
    ASSERT_TRUE(entry);
    grant_key.late = true;
    std::optional<Result<Service::Issued>> issued;
    service->issue(caller(alice), entry->id,
                   [&](Result<Service::Issued> result) { issued = std::move(result); });
    clock.boottime += 60 * second_ns;
    grant_key.sign_now();
    test::run_until(reactor, [&] { return issued.has_value(); });
    ASSERT_FALSE(issued->has_value());
    EXPECT_EQ(issued->error().code, Code::conflict);
    EXPECT_EQ(service->list().front().state, State::expired);
    EXPECT_EQ(recorded().back(), "grant_requested ok");
    grant_key.late = false;
    EXPECT_TRUE(ask(alice) && ask(alice)) << "it used up nothing of the day";
}

TEST_F(GrantService, UsesAreCountedAgainWhenTheLedgerCouldNotBeRead) {
    auto file =
        ledger::Database::open(directory.path("ledger.db"), ledger::Database::Mode::read_write).value();
    ASSERT_TRUE(file.run("ALTER TABLE records RENAME TO away"));
    service.emplace(reactor, log.log, clock, *ledger, grant_key, std::make_unique<TestKernel>(facts),
                    std::chrono::milliseconds(1));
    service->start(rules);
    test::run_until(reactor, [&] {
        return std::ranges::contains(log.events, "grant_uses_unknown", &LogEvent::event_type);
    });
    EXPECT_EQ(ask(alice).error().code, Code::try_again);
    ASSERT_TRUE(file.run("ALTER TABLE away RENAME TO records"));
    await_count();
    EXPECT_TRUE(ask(alice));
}

TEST_F(GrantService, HoursAreOfTheTimeZoneOfNow) {
    rules.rules[0].from_minute = 0;
    rules.rules[0].until_minute = 12 * 60;
    clock.realtime = (1'700'000'000 / 86'400 * 86'400 + 3'600) * second_ns; // 01:00 UTC
    ASSERT_EQ(::setenv("TZ", "UTC0", 1), 0);
    begin();
    EXPECT_TRUE(ask(alice));
    ASSERT_EQ(::setenv("TZ", "EAST-14", 1), 0); // 15:00
    EXPECT_EQ(ask(alice).error().code, Code::grant_denied);
    ::unsetenv("TZ");
}

TEST_F(GrantService, KeysThatAreNotEnrolledAreSaid) {
    const auto all = facts->keys;
    facts->keys = {all[1]};
    EXPECT_EQ(ask(alice).error().code, Code::grant_not_ready);
    facts->keys = {all[0]};
    EXPECT_TRUE(ask(alice));
    EXPECT_EQ(ask(alice, terms(guarded)).error().code, Code::grant_not_ready);
    facts->keys = all;
    facts->keys[1].owner = std::string(daemon_owner); // two keys of one owner are one person
    EXPECT_EQ(ask(alice, terms(guarded)).error().code, Code::grant_not_ready);
    facts->supports_grants = false;
    EXPECT_EQ(ask(alice).error().code, Code::refused_grant_unsupported);
    facts = fail(Code::module_missing, "");
    EXPECT_EQ(ask(alice).error().code, Code::module_missing);
    EXPECT_EQ(std::ranges::count(recorded(), "grant_requested refused"), 5 + 1)
        << "each, and that of begin()";
}

TEST_F(GrantService, WithoutATpmNothingIsIssuedAndNothingIsLost) {
    const auto entry = ask(alice);
    ASSERT_TRUE(entry);
    own_key.usable = false;
    EXPECT_EQ(issue(alice, entry->id).error().code, Code::tpm_missing);
    EXPECT_EQ(ask(alice).error().code, Code::tpm_missing);
    own_key.usable = true;
    EXPECT_TRUE(issue(alice, entry->id));
}

} // namespace
} // namespace dsmil::grants
