// SPDX-License-Identifier: Apache-2.0
// What is done when a device shows an intrusion: the rules, the decision, and the doing
// over a real ledger.
#include "base/clock.hpp"
#include "dsmil/event.hpp"
#include "grants/service.hpp"
#include "response/decider.hpp"
#include "response/responder.hpp"
#include "support.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <gtest/gtest.h>
#include <linux/dsmil.h>

namespace dsmil::response {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint16_t thermal = 0x8005;

Rules rules_of(std::string_view text) {
    const auto rules = parse_rules(text, "responses.toml");
    EXPECT_TRUE(rules) << rules.error().detail;
    return rules.value_or(Rules{});
}

ledger::Record record_of(std::string action, std::string outcome, std::uint64_t seconds,
                         std::uint16_t device = thermal) {
    ledger::Record record;
    record.boottime_ns = seconds * second_ns;
    record.source = "kernel";
    record.device_id = device;
    record.reg = 1;
    record.action = std::move(action);
    record.outcome = std::move(outcome);
    return record;
}

TEST(ResponseRules, ReadWhatIsWritten) {
    const auto rules = rules_of(R"([[response]]
name = "thermal"
devices = ["0x8005", "5", "Data Destruction"]
when = ["write_refused", "register_changed"]
registers = ["CONFIG"]
at_least = 3
within_seconds = 30
again_after_seconds = 120
do = ["sign", "deny_grants"]

[[response]]
name = "all"
devices = "all"
when = ["tpm_event"]
do = []
)");
    ASSERT_EQ(rules.size(), 2U);
    EXPECT_EQ(rules[0].devices, (std::vector<std::uint16_t>{0x8005, 0x8009}));
    EXPECT_EQ(rules[0].registers.to_ulong(), 2U);
    EXPECT_EQ(rules[0].at_least, 3U);
    EXPECT_TRUE(rules[0].does(Action::sign));
    EXPECT_TRUE(rules[0].does(Action::deny_grants));
    EXPECT_FALSE(rules[0].does(Action::quarantine));
    EXPECT_EQ(rules[1].devices.size(), 108U);
    EXPECT_TRUE(rules[1].actions.none());
    EXPECT_TRUE(rules_of("").empty());
    EXPECT_TRUE(read_rules("/nonexistent/responses.toml").value().empty());
}

TEST(ResponseRules, WhatIsWrongIsNamedWithItsLine) {
    const std::string good =
        "[[response]]\nname = \"a\"\ndevices = [\"0x8005\"]\nwhen = [\"tpm_event\"]\ndo = []\n";
    ASSERT_TRUE(parse_rules(good, "f"));
    for (const auto &[text, what] : std::vector<std::pair<std::string, std::string>>{
             {"x = 1\n", "f:1: there is no x"},
             {"response = 1\n", "must be at most"},
             {"[[response]]\nname = \"a\"\n", "has no devices"},
             {good + good, "two responses named"},
             {good + "more = 1\n", "has no key more"},
             {good + "at_least = 0\n", "from 1 to 100"},
             {good + "at_least = 101\n", "from 1 to 100"},
             {good + "within_seconds = 3601\n", "from 1 to 3600"},
             {good + "again_after_seconds = 59\n", "from 60 to 86400"},
             {good + "registers = [\"X\"]\n", "no register"},
             {good + "registers = []\n", "array of 1"},
             {"[[response]]\nname = \"a\"\ndevices = [\"0x806C\"]\nwhen = [\"tpm_event\"]\ndo = []\n",
              "f:3: devices there is no device"},
             {"[[response]]\nname = \"a\"\ndevices = \"some\"\nwhen = [\"tpm_event\"]\ndo = []\n", "f:3"},
             {"[[response]]\nname = \"a\"\ndevices = \"all\"\nwhen = [\"rain\"]\ndo = []\n", "is none of"},
             {"[[response]]\nname = \"a\"\ndevices = \"all\"\nwhen = []\ndo = []\n", "f:4"},
             {"[[response]]\nname = \"a\"\ndevices = \"all\"\nwhen = [\"tpm_event\"]\ndo = [\"pray\"]\n",
              "is none of"},
             {"[[response", "f:1"}}) {
        const auto rules = parse_rules(text, "f");
        ASSERT_FALSE(rules) << text;
        EXPECT_EQ(rules.error().code, Code::config_invalid);
        EXPECT_NE(rules.error().detail.find(what), std::string::npos) << rules.error().detail;
    }
}

TEST(ResponseSymptoms, AreWhatTheKernelAndTheTpmSaid) {
    const auto only = [](const ledger::Record &record) {
        const auto all = symptoms_of(record);
        return all.size() == 1 ? std::optional(all.front()) : std::nullopt;
    };
    EXPECT_EQ(only(record_of("changed", "ok", 1)), (Symptom{Condition::register_changed, thermal, 1}));
    EXPECT_EQ(only(record_of("write", "refused", 1)), (Symptom{Condition::write_refused, thermal, 1}));
    EXPECT_EQ(only(record_of("read", "failed", 1)), (Symptom{Condition::firmware_failed, thermal, 1}));
    EXPECT_FALSE(only(record_of("write", "ok", 1)));
    auto own = record_of("write", "refused", 1);
    own.source = "dsmild"; // Only the kernel's word counts for a write.
    EXPECT_FALSE(only(own));
    own.action = "grant_requested";
    EXPECT_EQ(only(own), (Symptom{Condition::grant_denied, thermal, 1}));
    auto event = record_of("tpm_reset", "noticed", 1);
    event.source = "dsmild";
    event.device_id.reset();
    EXPECT_EQ(only(event), (Symptom{Condition::tpm_event, 0, std::nullopt}));
}

// A batch's operations are in one record; libdsmil puts them into words.
TEST(ResponseSymptoms, OfAPartOfABatchAreThoseOfItsOperations) {
    const auto words = [](std::uint16_t token, std::uint8_t kind, std::uint8_t reason, std::int32_t result) {
        return describe(dsmil_event_operation{
            .token = token, .operation = kind, .reason = reason, .value = 1, .result = result});
    };
    ledger::Record part;
    part.source = "kernel";
    part.action = "batch_part";
    part.values = {
        {"operation_0", words(0x8010, DSMIL_BATCH_WRITE, DSMIL_REASON_QUARANTINED, -EPERM)},
        {"operation_1", words(0x8010, DSMIL_BATCH_WRITE, DSMIL_REASON_ALLOWED, 0)},
        {"operation_2", words(0x8000, DSMIL_BATCH_READ, DSMIL_REASON_ALLOWED, -EIO)},
        {"operation_3", std::string("write 0x9999 value 0x00000001 refused quarantined")},
        {"operation_4", std::string("write 0x")},
        {"operation_5", std::uint64_t{7}},
    };
    EXPECT_EQ(symptoms_of(part), (std::vector<Symptom>{{Condition::write_refused, thermal, 1},
                                                       {Condition::firmware_failed, 0x8000, 0}}));
}

class ResponseDecider : public testing::Test {
  protected:
    void SetUp() override {
        decider.emplace(rules_of(R"([[response]]
name = "r"
devices = ["0x8005", "0x8006"]
when = ["write_refused"]
registers = ["CONFIG"]
at_least = 3
within_seconds = 10
again_after_seconds = 100
do = []
)"));
    }
    // The sequence of the record that satisfied the rule, if it did.
    std::optional<std::uint64_t> note(ledger::Record record) {
        record.sequence = next++;
        const auto before = open.size();
        decider->note(record, open);
        return open.size() > before ? std::optional(open.back().record) : std::nullopt;
    }
    ledger::Record response(std::uint64_t seconds) {
        auto record = record_of("intrusion", "noticed", seconds);
        record.source = "dsmild";
        record.context = {{"rule", std::string("r")}};
        return record;
    }
    std::optional<Decider> decider;
    std::vector<Decision> open;
    std::uint64_t next = 0;
};

TEST_F(ResponseDecider, CountsSoManyInSoLong) {
    EXPECT_FALSE(note(record_of("write", "refused", 0)));
    EXPECT_FALSE(note(record_of("write", "refused", 6)));
    EXPECT_FALSE(note(record_of("write", "refused", 11))) << "the first is too long ago";
    EXPECT_EQ(note(record_of("write", "refused", 12)), 3U);
    EXPECT_EQ(open.back(), (Decision{0, thermal, 3, 3}));
}

TEST_F(ResponseDecider, LooksAtItsDevicesRegistersAndConditionsOnly) {
    auto other_register = record_of("write", "refused", 1);
    other_register.reg = 0;
    for (int i = 0; i < 5; i++) {
        EXPECT_FALSE(note(other_register));
        EXPECT_FALSE(note(record_of("write", "refused", 1, 0x8007)));
        EXPECT_FALSE(note(record_of("write", "failed", 1)));
    }
    note(record_of("write", "refused", 1));
    note(record_of("write", "refused", 1, 0x8006));
    note(record_of("write", "refused", 1));
    EXPECT_TRUE(open.empty()) << "each device has a count of its own";
}

TEST_F(ResponseDecider, DoesNotActAgainTooSoon) {
    for (int i = 0; i < 3; i++) {
        note(record_of("write", "refused", 1));
    }
    EXPECT_EQ(open.size(), 1U);
    for (int i = 0; i < 50; i++) {
        note(record_of("write", "refused", 100));
    }
    EXPECT_EQ(open.size(), 1U);
    for (int i = 0; i < 3; i++) {
        note(record_of("write", "refused", 101));
    }
    EXPECT_EQ(open.size(), 2U);
}

TEST_F(ResponseDecider, WhatWasDoneAlreadyIsNotOpenAnyMore) {
    for (int i = 0; i < 3; i++) {
        note(record_of("write", "refused", 1));
    }
    ASSERT_EQ(open.size(), 1U);
    note(response(2));
    EXPECT_TRUE(open.empty());
    for (int i = 0; i < 9; i++) {
        note(record_of("write", "refused", 3));
    }
    EXPECT_TRUE(open.empty()) << "and it is not too soon";
    auto forged = response(4);
    forged.source = "kernel";
    forged.action = "intrusion_cleared";
    note(forged);
    EXPECT_FALSE(note(record_of("write", "refused", 4)));
}

TEST_F(ResponseDecider, ADeviceThatWasClearedIsLookedAtAnew) {
    note(response(1));
    auto cleared = record_of("intrusion_cleared", "ok", 2);
    cleared.source = "dsmild";
    note(cleared);
    note(record_of("write", "refused", 3));
    note(record_of("write", "refused", 3));
    EXPECT_TRUE(note(record_of("write", "refused", 3)));
}

TEST_F(ResponseDecider, AnotherBootCountsFromNothing) {
    note(record_of("write", "refused", 1));
    note(record_of("write", "refused", 1));
    auto next_boot = record_of("write", "refused", 1);
    next_boot.boot_id.fill(9);
    EXPECT_FALSE(note(next_boot));
}

class TestKernel final : public grants::Kernel {
  public:
    [[nodiscard]] Result<grants::KernelFacts> facts() override {
        return fail(Code::module_missing, "the test has no module");
    }
};

class ResponderTest : public testing::Test {
  protected:
    static constexpr auto everything = R"([[response]]
name = "r"
devices = ["0x8005"]
when = ["write_refused"]
at_least = 2
do = ["sign", "critical", "revoke_grants", "deny_grants", "quarantine"]
)";
    void SetUp() override {
        open_ledger();
        begin();
    }
    void open_ledger() {
        ledger.emplace(reactor, log.log, system_clock(), key);
        ledger::ServiceOptions options;
        options.state_dir = directory.path("");
        options.ledger.path = directory.path("ledger.db");
        options.ledger.default_origin = "test.example/log";
        ASSERT_TRUE(ledger->start(std::move(options)));
    }
    void begin() {
        grants.emplace(reactor, log.log, system_clock(), *ledger, key, std::make_unique<TestKernel>());
        grants->start({});
        responder.emplace(reactor, log.log, system_clock(), *ledger, *grants,
                          [this](std::uint16_t device, const std::string &words, Then<Result<Bytes>> then) {
                              signed_words.push_back(std::to_string(device) + " " + words);
                              then(signature);
                          });
        ASSERT_TRUE(responder->start(rules_of(everything), directory.path("")));
    }
    // What its threads still had to say is heard before it goes.
    void end() {
        if (responder) {
            EXPECT_TRUE(responder->stop(std::chrono::minutes(1)));
        }
        EXPECT_TRUE(grants->stop(std::chrono::minutes(1)));
        EXPECT_TRUE(ledger->stop(std::chrono::minutes(1)));
        test::run_until(reactor, [turns = 0]() mutable { return ++turns == 3; });
        responder.reset();
        grants.reset();
        ledger.reset();
        open_ledger();
    }
    void append(ledger::Record record) {
        std::vector<ledger::Record> records;
        records.push_back(std::move(record));
        std::optional<bool> kept;
        ledger->append(std::move(records),
                       [&](const Result<ledger::Appended> &done) { kept = done.has_value(); });
        test::run_until(reactor, [&] { return kept.has_value(); });
        ASSERT_TRUE(*kept);
    }
    [[nodiscard]] ledger::Record refused() const {
        auto record = ledger->own_record("write", "refused");
        record.source = "kernel";
        record.device_id = thermal;
        record.reg = 1;
        record.ring = ledger::RingPosition{.load_id = {}, .sequence = ring++};
        return record;
    }
    std::vector<ledger::Record> of(std::string_view action) {
        std::optional<Result<std::vector<ledger::Record>>> read;
        ledger->read(0, 1'000, [&](Result<std::vector<ledger::Record>> all) { read = std::move(all); });
        test::run_until(reactor, [&] { return read.has_value(); });
        auto found = read->value_or(std::vector<ledger::Record>{});
        std::erase_if(found, [&](const ledger::Record &record) { return record.action != action; });
        return found;
    }
    void run_until_recorded(std::string_view action, std::size_t count) {
        for (;;) {
            const auto size = ledger->snapshot().head.size;
            if (of(action).size() >= count) {
                return;
            }
            bool grown = false;
            ledger->await(size, std::chrono::minutes(1), [&] { grown = true; });
            test::run_until(reactor, [&] { return grown; });
        }
    }
    Result<void> clear(std::uint16_t device) {
        std::optional<Result<void>> done;
        responder->clear(device, ledger->own_record({}, "ok"),
                         [&](Result<void> result) { done = std::move(result); });
        test::run_until(reactor, [&] { return done.has_value(); });
        return *done;
    }
    Code ask_for_grant() {
        std::optional<Code> code;
        grants::Terms terms;
        terms.device_id = thermal;
        // At first the uses of the last day are counted.
        while (!code || *code == Code::try_again) {
            code.reset();
            grants->request({.uid = 7, .pid = 1, .groups = {}, .comm = "t"}, terms,
                            [&](const Result<grants::Entry> &entry) {
                                code = entry ? Code::internal : entry.error().code;
                            });
            test::run_until(reactor, [&] { return code.has_value(); });
        }
        return *code;
    }
    [[nodiscard]] bool marked(const char *set) const {
        return std::filesystem::exists(directory.path(std::string(set) + "/8005"));
    }

    test::TempDir directory;
    test::TestLog log;
    test::TestKey key;
    Reactor reactor;
    Result<Bytes> signature = Bytes{1, 2, 3};
    std::vector<std::string> signed_words;
    mutable std::uint64_t ring = 1;
    std::optional<ledger::Service> ledger;
    std::optional<grants::Service> grants;
    std::optional<Responder> responder;
};

TEST_F(ResponderTest, DoesWhatTheRuleSaysAndRecordsIt) {
    append(refused());
    append(refused());
    run_until_recorded("intrusion", 1);
    test::run_until(reactor, [&] { return marked("denied.d") && marked("quarantine.d"); });
    const auto done = of("intrusion").front();
    EXPECT_EQ(done.device_id, thermal);
    EXPECT_TRUE(std::ranges::contains(done.context, ledger::Field{"rule", std::string("r")}));
    EXPECT_TRUE(std::ranges::contains(done.values, ledger::Field{"record", std::uint64_t{1}}));
    EXPECT_TRUE(std::ranges::contains(done.values, ledger::Field{"signature", Bytes{1, 2, 3}}));
    ASSERT_EQ(signed_words.size(), 1U);
    EXPECT_TRUE(signed_words.front().starts_with("32773 dsmil-security-event-v1\ndevice 0x8005\n"));
    EXPECT_TRUE(signed_words.front().contains("\nrecord 1\n"));
    const auto logged = std::ranges::find(log.events, "intrusion", &LogEvent::event_type);
    ASSERT_NE(logged, log.events.end());
    EXPECT_EQ(logged->level, LogLevel::error);
    EXPECT_EQ(ask_for_grant(), Code::grant_denied);
    const auto standing = responder->standings().at(thermal);
    EXPECT_TRUE(standing.denied && standing.quarantine_asked && !standing.quarantined);
    EXPECT_EQ(standing.rule, "r");
    append(refused());
    append(refused());
    EXPECT_EQ(of("intrusion").size(), 1U) << "not again so soon";
    auto added = refused();
    added.action = "quarantine_added";
    added.outcome = "ok";
    append(added);
    test::run_until(reactor, [&] { return responder->standings().at(thermal).quarantined; });
}

TEST_F(ResponderTest, WhatIsDeniedStaysSoUntilAnAdminClearsIt) {
    append(refused());
    append(refused());
    run_until_recorded("intrusion", 1);
    test::run_until(reactor, [&] { return marked("denied.d") && marked("quarantine.d"); });
    end();
    begin();
    EXPECT_EQ(ask_for_grant(), Code::grant_denied);
    EXPECT_TRUE(responder->standings().at(thermal).denied);
    EXPECT_EQ(clear(0x8006).error().code, Code::conflict);
    ASSERT_TRUE(clear(thermal));
    EXPECT_EQ(of("intrusion_cleared").size(), 1U);
    EXPECT_FALSE(marked("denied.d"));
    EXPECT_FALSE(marked("quarantine.d"));
    EXPECT_TRUE(responder->standings().empty());
    end();
    begin();
    EXPECT_TRUE(responder->standings().empty());
}

// The daemon died after the records were durable and before anything was done about them.
TEST_F(ResponderTest, WhatADeadDaemonDidNotDoIsDoneByTheNextOneAndOnlyOnce) {
    responder.reset();
    end();
    append(refused());
    append(refused());
    EXPECT_FALSE(marked("denied.d"));
    begin();
    run_until_recorded("intrusion", 1);
    test::run_until(reactor, [&] { return marked("denied.d"); });
    end();
    begin();
    append(refused()); // which comes after all that is read again
    append(refused());
    EXPECT_EQ(of("intrusion").size(), 1U);
}

TEST_F(ResponderTest, WithoutATpmTheRecordSaysThatNothingWasSigned) {
    signature = fail(Code::tpm_missing, "");
    append(refused());
    append(refused());
    run_until_recorded("intrusion", 1);
    const auto done = of("intrusion").front();
    EXPECT_TRUE(std::ranges::contains(done.context, ledger::Field{"sign_error", std::string("tpm_missing")}));
}

} // namespace
} // namespace dsmil::response
