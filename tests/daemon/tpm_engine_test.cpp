// SPDX-License-Identifier: Apache-2.0
// The TPM's thread and queue, when the TPM is slow, broken, reset or interposed.
#include "tpm/nv.hpp"
#include "tpm/quote.hpp"
#include "tpm/rc.hpp"
#include "tpm/timing.hpp"
#include "tpm_engine.hpp"

#include <algorithm>

namespace dsmil::tpm {
namespace {

TEST_F(TpmEngineTest, TheReactorGoesOnWhileACommandHangs) {
    make();
    bus.hold(TPM2_CC_Sign);
    note("held");
    run_until_saw(TPM2_CC_Sign);
    test::run_until(reactor, [&, turns = 0]() mutable { return ++turns == 200; });
    EXPECT_TRUE(answers.empty());
    bus.release();
    test::run_until(reactor, [&] { return answers.size() == 1; });
    EXPECT_TRUE(answers.front());
}

TEST_F(TpmEngineTest, WhoWaitedTooLongHearsItOnceAndTheLateAnswerIsDropped) {
    make();
    bus.hold(TPM2_CC_Sign);
    note("held", Urgency::normal, milliseconds(5));
    test::run_until(reactor, [&] { return !answers.empty(); });
    ASSERT_FALSE(answers.front());
    EXPECT_EQ(answers.front().error().code, Code::try_again);
    EXPECT_NE(answers.front().error().detail.find("5 ms"), std::string::npos);
    EXPECT_FALSE(answers.front().error().causes.empty());
    bus.release();
    EXPECT_TRUE(sign_now()); // behind the late one
    EXPECT_EQ(answers.size(), 1U);
}

TEST_F(TpmEngineTest, WhoWaitedTooLongInTheQueueNeverReachesTheTpm) {
    make();
    bus.hold(TPM2_CC_Sign);
    note("held");
    run_until_saw(TPM2_CC_Sign);
    note("late", Urgency::normal, milliseconds(5));
    test::run_until(reactor, [&] { return !answers.empty(); });
    bus.release();
    EXPECT_TRUE(sign_now());
    EXPECT_EQ(order, std::vector<std::string>{"held"});
}

TEST_F(TpmEngineTest, WhoCancelsIsNotCalledBack) {
    make();
    bus.hold(TPM2_CC_Sign);
    Ticket begun = note("begun");
    run_until_saw(TPM2_CC_Sign);
    Ticket queued = note("queued");
    begun.cancel();
    queued.cancel();
    bus.release();
    EXPECT_TRUE(sign_now());
    EXPECT_TRUE(answers.empty());
    EXPECT_EQ(order, std::vector<std::string>{"begun"}); // which ran out
    begun.cancel();                                      // Once more, when it is long over.
}

TEST_F(TpmEngineTest, CheckpointAndQuoteGoBeforeBulk) {
    make();
    bus.hold(TPM2_CC_Sign);
    note("first", Urgency::bulk);
    run_until_saw(TPM2_CC_Sign);
    note("bulk", Urgency::bulk);
    note("normal");
    note("quote", Urgency::quote);
    note("checkpoint", Urgency::checkpoint);
    bus.release();
    test::run_until(reactor, [&] { return answers.size() == 5; });
    EXPECT_EQ(order, (std::vector<std::string>{"first", "checkpoint", "quote", "normal", "bulk"}));
}

TEST_F(TpmEngineTest, TooManyAreToldToTryAgain) {
    make();
    bus.hold(TPM2_CC_Sign);
    note("held");
    run_until_saw(TPM2_CC_Sign);
    for (std::size_t i = 0; i <= Worker::queue_limit; i++) {
        note("queued");
    }
    test::run_until(reactor, [&] { return !answers.empty(); });
    ASSERT_FALSE(answers.front());
    EXPECT_EQ(answers.front().error().code, Code::try_again);
    bus.release();
    test::run_until(reactor, [&] { return answers.size() == Worker::queue_limit + 2; });
    EXPECT_EQ(std::ranges::count_if(answers, [](const auto &answer) { return answer.has_value(); }),
              Worker::queue_limit + 1);
}

TEST_F(TpmEngineTest, ABusyTpmIsAskedAgain) {
    make();
    bus.busy(TPM2_CC_Sign, 12); // more than tpm2-tss has patience for
    const auto before = std::ranges::count(bus.commands(), TPM2_CC_Sign);
    const auto answer = sign_now();
    EXPECT_TRUE(answer) << answer.error().detail << ": " << answer.error().causes.at(1);
    EXPECT_EQ(std::ranges::count(bus.commands(), TPM2_CC_Sign), before + 13);
}

TEST_F(TpmEngineTest, AnAnswerThatIsNoneIsAnErrorAndTheNextCommandWorks) {
    make();
    const std::vector<std::pair<std::string, test::Interposer::Alter>> kinds = {
        {"empty", [](Bytes &answer) { answer.clear(); }},
        {"cut", [](Bytes &answer) { answer.resize(12); }},
        {"size of another", [](Bytes &answer) { answer[5] ^= 1U; }},
        {"noise", [](Bytes &answer) { std::ranges::fill(answer, 0xA5); }},
        {"parameters too large", [](Bytes &answer) { answer[10] = 0x7F; }},
    };
    for (const auto &[kind, alter] : kinds) {
        bus.change(TPM2_CC_Sign, alter);
        const auto answer = sign_now();
        ASSERT_FALSE(answer) << kind;
        EXPECT_TRUE(answer.error().code == Code::tpm_failed || answer.error().code == Code::tpm_missing ||
                    answer.error().code == Code::tpm_untrusted)
            << kind << ": " << info(answer.error().code).name;
        EXPECT_FALSE(answer.error().causes.empty()) << kind;
        test::run_until(reactor, [&] { return !service->trouble(); });
        EXPECT_TRUE(sign_now()) << kind;
    }
}

TEST_F(TpmEngineTest, AnAnswerThatWasChangedOnTheWayIsNotBelieved) {
    make();
    bus.change(TPM2_CC_Sign, [](Bytes &answer) { answer[20] ^= 1U; }); // in the signature
    const auto answer = sign_now();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::tpm_untrusted);
    test::run_until(reactor, [&] { return !service->trouble(); });
    EXPECT_TRUE(sign_now());
}

TEST_F(TpmEngineTest, ATpmThatIsResetInTheMiddleIsLoadedAgain) {
    make();
    const auto key = service->public_key();
    ASSERT_TRUE(sign_now());
    for (int i = 0; i < 5; i++) {
        ASSERT_TRUE(swtpm.reset());
        const auto answer = sign_now();
        ASSERT_TRUE(answer) << answer.error().detail << answer.error().causes.front();
    }
    EXPECT_EQ(service->public_key(), key);
    EXPECT_GE(std::ranges::count(log.events, "security_event", &LogEvent::event_type), 5);
}

TEST_F(TpmEngineTest, AResetIsASecurityEventAndSoIsAForgedAnswer) {
    std::vector<std::string> heard;
    make();
    test::run_until(reactor, [&] { return service->last_status().has_value(); }); // The first look is over.
    service->on_event([&](const SecurityEvent &event, const Service::Heard &then) {
        heard.push_back(event.action);
        then(true);
    });
    std::optional<Status> seen;
    const auto look = [&] {
        seen.reset();
        service->status([&](const Result<Status> &status) {
            ASSERT_TRUE(status) << status.error().detail << status.error().causes.front();
            seen = *status;
        });
        test::run_until(reactor, [&] { return seen.has_value(); });
    };
    look();
    EXPECT_TRUE(heard.empty());
    const auto resets = seen->reset_count;
    ASSERT_TRUE(swtpm.reset());
    look();
    EXPECT_TRUE(std::ranges::contains(heard, "tpm_forgot"));
    EXPECT_EQ(std::ranges::count(heard, "tpm_reset"), 1);
    EXPECT_EQ(seen->reset_count, resets + 1);
    EXPECT_EQ(seen->lockout_left.count(), 0);
    EXPECT_GE(seen->nv_writes, 4U); // storage root and three keys
    EXPECT_GE(seen->persistent_objects, 4U);
    look();
    EXPECT_EQ(std::ranges::count(heard, "tpm_reset"), 1); // once
    bus.change(TPM2_CC_Sign, [](Bytes &answer) { answer[20] ^= 1U; });
    ASSERT_FALSE(sign_now());
    test::run_until(reactor, [&] { return heard.back() == "tpm_answer_forged"; });
}

// The daemon may die, or its disk be full, after the TPM's counts were read and before
// the event is in the ledger.
TEST_F(TpmEngineTest, AnEventThatIsNotDurableYetIsToldAgainInTheNextLife) {
    std::vector<std::string> heard;
    std::vector<Service::Heard> open;
    // As make(), but who hears of events is there before the first look.
    const auto begin = [&] {
        heard.clear();
        open.clear();
        service.emplace(reactor, log.log, options(), milliseconds(1));
        service->on_event([&](const SecurityEvent &event, Service::Heard then) {
            heard.push_back(event.action);
            open.push_back(std::move(then));
        });
        ready = false;
        service->start([&] { ready = true; });
        test::run_until(reactor, [&] { return ready; });
    };
    const auto look = [&] {
        std::optional<bool> seen;
        service->status([&](const Result<Status> &status) { seen = status.has_value(); });
        test::run_until(reactor, [&] { return seen.has_value(); });
        EXPECT_TRUE(*seen);
    };
    const auto resets = [&] { return std::ranges::count(heard, "tpm_reset"); };
    const auto settle = [&](bool durable) {
        for (auto &then : std::exchange(open, {})) {
            then(durable);
        }
    };
    begin();
    look();
    ASSERT_TRUE(service->stop(patient));
    const auto before = load_mark(directory.path("")).value();
    ASSERT_TRUE(swtpm.reset());

    begin(); // Dies before the event is durable.
    look();
    EXPECT_EQ(resets(), 1);
    look();
    EXPECT_EQ(resets(), 1); // It was told already.
    ASSERT_TRUE(service->stop(patient));
    EXPECT_EQ(load_mark(directory.path("")).value(), before);

    begin(); // Its disk is full; later it is not.
    look();
    EXPECT_EQ(resets(), 1);
    settle(false);
    look();
    EXPECT_EQ(resets(), 2);
    EXPECT_EQ(load_mark(directory.path("")).value(), before);
    settle(true);
    look();
    EXPECT_EQ(resets(), 2);
    ASSERT_TRUE(service->stop(patient));
    EXPECT_EQ(load_mark(directory.path("")).value()->reset_count, before->reset_count + 1);

    begin();
    look();
    EXPECT_EQ(resets(), 0);
}

TEST_F(TpmEngineTest, WhoAskedAndWentAwayTakesNoEventWithHim) {
    make();
    test::run_until(reactor, [&] { return service->last_status().has_value(); }); // The first look is over.
    std::vector<std::string> heard;
    service->on_event([&](const SecurityEvent &event, const Service::Heard &then) {
        heard.push_back(event.action);
        then(true);
    });
    ASSERT_TRUE(swtpm.reset());
    const auto looks = [&] { return std::ranges::count(bus.commands(), TPM2_CC_ReadClock); };
    const auto before = looks();
    bus.hold(TPM2_CC_ReadClock);
    Ticket gone = service->status([](const Result<Status> &) { FAIL() << "he went away"; });
    test::run_until(reactor, [&] { return looks() > before; });
    gone.cancel();
    bus.release();
    test::run_until(reactor, [&] { return std::ranges::contains(heard, "tpm_reset"); });
}

TEST_F(TpmEngineTest, ALockoutSaysHowManySecondsAreLeft) {
    if (test::run_program(
            {"tpm2_dictionarylockout", "-T", swtpm.tcti(), "-s", "-n", "1", "-t", "700", "-l", "700"}) != 0 ||
        test::run_program({"tpm2_nvdefine", "-T", swtpm.tcti(), "-C", "o", "-s", "8", "-a",
                           "authread|authwrite", "-p", "right", "0x01800D01"}) != 0) {
        GTEST_SKIP() << "tpm2-tools are not installed";
    }
    make();
    std::optional<Error> error;
    const auto write = [&] {
        error.reset();
        service->run<void>(
            Urgency::normal, patient,
            [](Tpm &tpm) {
                const auto index = find_index(tpm, 0x01800D01, Bytes{1}).value();
                return write_index(tpm, *index, Bytes(8));
            },
            [&](const Result<void> &result) {
                error = result ? Error{Code::internal, {}, {}} : result.error();
            });
        test::run_until(reactor, [&] { return error.has_value(); });
    };
    for (int tries = 0; tries < 4 && (!error || error->code != Code::tpm_locked_out); tries++) {
        write();
    }
    EXPECT_EQ(error->code, Code::tpm_locked_out);
    EXPECT_NE(error->causes.back().find("in 700 s at most"), std::string::npos) << error->causes.back();
}

TEST_F(TpmEngineTest, ALieAboutTheCountsIsNotBelieved) {
    make();
    test::run_until(reactor, [&] { return service->last_status().has_value(); }); // The first look is over.
    bus.change(TPM2_CC_ReadClock, [](Bytes &answer) { answer[33] ^= 1U; });       // of the reset count
    std::optional<Code> code;
    service->status(
        [&](const Result<Status> &status) { code = status ? Code::internal : status.error().code; });
    test::run_until(reactor, [&] { return code.has_value(); });
    EXPECT_EQ(code, Code::tpm_untrusted);
}

TEST_F(TpmEngineTest, AResetWhileACommandIsUnderWayIsNoLoss) {
    make();
    bus.hold(TPM2_CC_Sign);
    note("held");
    run_until_saw(TPM2_CC_Sign);
    ASSERT_TRUE(swtpm.reset());
    bus.release();
    test::run_until(reactor, [&] { return answers.size() == 1; });
    // It answered before the reset or not at all.
    EXPECT_TRUE(answers.front() || answers.front().error().code == Code::tpm_missing);
    test::run_until(reactor, [&] { return !service->trouble(); });
    EXPECT_TRUE(sign_now());
}

TEST_F(TpmEngineTest, ATpmThatHangsForGoodIsGivenUpAndOpenedAgain) {
    auto hanging = options();
    hanging.context.answer_limit = milliseconds(50);
    make(std::move(hanging));
    bus.hold(TPM2_CC_Sign);
    const auto answer = sign_now();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::tpm_missing);
    test::run_until(reactor, [&] { return !service->trouble(); });
    EXPECT_TRUE(sign_now());
}

TEST_F(TpmEngineTest, StoppingDoesNotWaitLongerThanItsPatience) {
    make();
    bus.hold(TPM2_CC_Sign);
    note("held");
    run_until_saw(TPM2_CC_Sign);
    EXPECT_FALSE(service->stop(milliseconds(1)));
    bus.release();
    EXPECT_TRUE(service->stop(patient));
}

TEST_F(TpmEngineTest, NobodyOnTheBusReadsADigestOrASecret) {
    auto secret = options();
    const Bytes word = {'s', 'e', 's', 'a', 'm', 'e', '-', 'o', 'p', 'e', 'n'};
    secret.secrets.set("checkpoint-key", word);
    make(std::move(secret));
    const Hash digest = sha256(as_bytes("to be signed"));
    ASSERT_TRUE(sign_now(digest));
    const Bytes traffic = bus.take_traffic();
    EXPECT_TRUE(std::ranges::search(traffic, word).empty());
    EXPECT_TRUE(std::ranges::search(traffic, digest).empty());
}

TEST_F(TpmEngineTest, AKeyThatWasMadeWithAnotherSecretSaysSo) {
    auto first = options();
    first.secrets.set("checkpoint-key", {1, 2, 3});
    make(std::move(first));
    ASSERT_TRUE(sign_now());
    ASSERT_TRUE(service->stop(patient));
    for (int i = 0; i < 40; i++) { // It is not one that the TPM counts.
        begin_with(Code::tpm_auth, options());
        const auto answer = sign_now();
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, Code::tpm_auth) << i;
        ASSERT_TRUE(service->stop(patient));
        if (i == 0) {
            EXPECT_NE(answer.error().causes.back().find("dsmil.checkpoint-key"), std::string::npos);
        }
    }
}

TEST_F(TpmEngineTest, NothingIsLeftLoadedAfterDozensOfLostConnections) {
    make();
    for (int i = 0; i < 50; i++) {
        bus.change(TPM2_CC_Sign, [](Bytes &answer) { answer.clear(); });
        ASSERT_FALSE(sign_now());
        test::run_until(reactor, [&] { return !service->trouble(); });
    }
    EXPECT_TRUE(sign_now());
}

TEST(TpmRc, SaysWhatTheTpmMeans) {
    const auto code_of = [](TSS2_RC rc) { return tpm_error("x", rc).error().code; };
    EXPECT_EQ(code_of(TPM2_RC_LOCKOUT), Code::tpm_locked_out);
    EXPECT_EQ(code_of(TSS2_RESMGR_TPM_RC_LAYER | TPM2_RC_LOCKOUT), Code::tpm_locked_out);
    EXPECT_EQ(code_of(TPM2_RC_BAD_AUTH | TPM2_RC_S | TPM2_RC_1), Code::tpm_auth);
    EXPECT_EQ(code_of(TPM2_RC_POLICY_FAIL | TPM2_RC_S | TPM2_RC_1), Code::tpm_policy);
    EXPECT_EQ(code_of(TPM2_RC_COMMAND_CODE), Code::tpm_unsupported);
    EXPECT_EQ(code_of(TSS2_TCTI_RC_IO_ERROR), Code::tpm_missing);
    EXPECT_EQ(code_of(TSS2_ESYS_RC_RSP_AUTH_FAILED), Code::tpm_untrusted);
    EXPECT_EQ(code_of(TSS2_ESYS_RC_MALFORMED_RESPONSE), Code::tpm_failed) << "there is a TPM, of a kind";
    for (const TSS2_RC busy : {TPM2_RC_RETRY, TPM2_RC_TESTING, TPM2_RC_YIELDED}) {
        EXPECT_TRUE(is_busy(busy));
        EXPECT_TRUE(is_busy(TSS2_RESMGR_TPM_RC_LAYER | busy));
        EXPECT_EQ(code_of(busy), Code::try_again);
    }
    EXPECT_FALSE(is_busy(TPM2_RC_LOCKOUT));
    EXPECT_TRUE(is_forgotten(TPM2_RC_REFERENCE_H0));
    EXPECT_TRUE(is_forgotten(TPM2_RC_REFERENCE_S0));
    EXPECT_TRUE(is_forgotten(TPM2_RC_CONTEXT_GAP));
    EXPECT_FALSE(is_forgotten(TPM2_RC_LOCKOUT));
    EXPECT_TRUE(is_no_handle(TPM2_RC_HANDLE | TPM2_RC_1));
    EXPECT_EQ(error_class(TPM2_RC_RETRY), "busy");
    EXPECT_EQ(error_class(TSS2_TCTI_RC_IO_ERROR), "transport");
    for (TSS2_RC rc = 1; rc < 0x1000; rc++) { // whatever it says, there is an answer
        const auto error = tpm_error("x", rc).error();
        EXPECT_FALSE(error.causes.empty());
        EXPECT_NE(error.code, Code::tpm_missing);
        EXPECT_FALSE(error_class(rc).empty());
    }
}

TEST(TpmHistogram, QuantilesAreUpperBounds) {
    Histogram histogram;
    EXPECT_EQ(histogram.quantile(0.5).count(), 0);
    for (int i = 1; i <= 100; i++) {
        histogram.add(milliseconds(i));
    }
    EXPECT_EQ(histogram.count(), 100U);
    EXPECT_GE(histogram.quantile(0.50), milliseconds(50));
    EXPECT_LT(histogram.quantile(0.50), milliseconds(100));
    EXPECT_GE(histogram.quantile(0.99), milliseconds(99));
    EXPECT_EQ(histogram.quantile(1.0), milliseconds(100));
    histogram.add(std::chrono::hours(1));
    EXPECT_EQ(histogram.quantile(1.0), std::chrono::hours(1));
}

} // namespace
} // namespace dsmil::tpm
