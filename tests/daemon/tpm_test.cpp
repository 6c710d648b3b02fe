// SPDX-License-Identifier: Apache-2.0
// The TPM layer over a software TPM. Skipped where swtpm is not installed.
#include "base/file.hpp"
#include "ledger/note.hpp"
#include "support.hpp"
#include "swtpm.hpp"

#include "tpm/quote.hpp"
#include "tpm/service.hpp"
#include "tpm/sign.hpp"
#include "tpm/timing.hpp"
#include "tpm/tpm.hpp"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <numeric>

namespace dsmil::tpm {
namespace {

class TpmTest : public testing::Test {
  protected:
    void SetUp() override {
        ::setenv("TSS2_LOG", "all+none", 1);
        if (!swtpm.running()) {
            GTEST_SKIP() << "swtpm is not installed";
        }
    }
    [[nodiscard]] TpmOptions options(const std::string &tcti) const {
        TpmOptions options;
        options.context.tcti = tcti;
        options.state_dir = directory.path("");
        return options;
    }
    [[nodiscard]] Result<std::unique_ptr<Tpm>> open(const std::string &tcti) {
        return Tpm::open(options(tcti), timings);
    }
    [[nodiscard]] Result<std::unique_ptr<Tpm>> open() { return open(swtpm.tcti()); }

    test::TempDir directory;
    test::Swtpm swtpm{directory};
    Timings timings;
};

TEST_F(TpmTest, ThatIsNotThereIsMissing) {
    const auto tpm = open("swtpm:path=/nonexistent");
    ASSERT_FALSE(tpm);
    EXPECT_EQ(tpm.error().code, Code::tpm_missing);
    EXPECT_EQ(open("nonsense:").error().code, Code::tpm_missing);
}

TEST_F(TpmTest, SignsWithAKeyThatOpensslKnows) {
    auto tpm = open().value();
    const std::string text = "a text\n";
    const auto signature = sign(*tpm, Purpose::checkpoint, sha256(as_bytes(text)));
    ASSERT_TRUE(signature) << signature.error().causes.front();
    const auto key = ledger::VerifierKey::ecdsa("log", tpm->key(Purpose::checkpoint).spki()).value();
    EXPECT_EQ(ledger::verify(ledger::Note{text, {{"log", key.id, *signature}}}, key),
              ledger::NoteVerdict::signed_by_key);
}

TEST_F(TpmTest, QuotesAnyNumberOfPcrs) {
    auto tpm = open().value();
    for (const std::size_t count : {1, 8, 9, 24}) {
        std::vector<unsigned> pcrs(count);
        std::iota(pcrs.begin(), pcrs.end(), 0U);
        const Bytes nonce(max_nonce_bytes, static_cast<std::uint8_t>(count));
        const auto quote = make_quote(*tpm, nonce, pcrs);
        ASSERT_TRUE(quote) << quote.error().detail;
        EXPECT_EQ(quote->bundle.pcrs.size(), count);
        EXPECT_TRUE(attest::verify_quote(quote->bundle, nonce, pcrs));
        EXPECT_EQ(quote->manufacturer, "IBM");
    }
}

TEST_F(TpmTest, MakesItsKeysOnce) {
    const auto first = open().value()->key(Purpose::checkpoint).spki();
    EXPECT_EQ(open().value()->key(Purpose::checkpoint).spki(), first);
}

TEST_F(TpmTest, LeavesNothingLoadedBehind) {
    // swtpm has three places and no resource manager: a leak fails soon.
    for (int i = 0; i < 5; i++) {
        const auto tpm = open();
        ASSERT_TRUE(tpm) << i;
        ASSERT_TRUE(sign(**tpm, Purpose::checkpoint, Hash{}));
    }
}

TEST_F(TpmTest, RefusesDamagedKeyFiles) {
    static_cast<void>(open().value());
    ASSERT_TRUE(write_file(directory.path("checkpoint-key.priv"), as_bytes("damaged"), 0600));
    const auto tpm = open();
    ASSERT_FALSE(tpm);
    EXPECT_EQ(tpm.error().code, Code::tpm_failed);
}

TEST_F(TpmTest, RefusesAKeyOfAnotherPurpose) {
    static_cast<void>(open().value());
    // Somebody puts the unrestricted key in the place of the restricted one.
    for (const auto *part : {".pub", ".priv"}) {
        const auto content = read_file(directory.path(std::string("checkpoint-key") + part), 4096).value();
        ASSERT_TRUE(
            write_file(directory.path(std::string("attestation-key") + part), as_bytes(content), 0600));
    }
    const auto tpm = open();
    ASSERT_FALSE(tpm);
    EXPECT_NE(tpm.error().detail.find("another purpose"), std::string::npos);
}

TEST_F(TpmTest, ExplainsKeysOfAnotherTpm) {
    static_cast<void>(open().value());
    const test::Swtpm other(directory, "other");
    const auto tpm = open(other.tcti());
    ASSERT_FALSE(tpm);
    EXPECT_EQ(tpm.error().code, Code::tpm_changed);
    ASSERT_EQ(tpm.error().causes.size(), 2U);
    EXPECT_NE(tpm.error().causes[1].find("another TPM"), std::string::npos);
}

class TpmServiceTest : public TpmTest {
  protected:
    test::TestLog log;
    Reactor reactor;
};

TEST_F(TpmServiceTest, BecomesReadyAndSigns) {
    Service service(reactor, log.log, options(swtpm.tcti()));
    EXPECT_TRUE(service.trouble());
    EXPECT_FALSE(service.public_key());
    std::optional<Result<Bytes>> signature;
    service.start(
        [&] { service.sign(Hash{}, [&](Result<Bytes> result) { signature = std::move(result); }); });
    test::run_until(reactor, [&] { return signature.has_value(); });
    EXPECT_TRUE(*signature);
    EXPECT_FALSE(service.trouble());
    EXPECT_TRUE(service.public_key());
    EXPECT_TRUE(service.stop(std::chrono::minutes(1)));
}

TEST_F(TpmServiceTest, SignsGrantsWithAKeyOfTheirOwn) {
    Service service(reactor, log.log, options(swtpm.tcti()));
    EXPECT_FALSE(service.grant_key());
    const Bytes body = {1, 2, 3};
    std::optional<Result<Bytes>> signature;
    service.start([&] {
        service.sign_grant(sha256(body), [&](Result<Bytes> result) { signature = std::move(result); });
    });
    test::run_until(reactor, [&] { return signature.has_value(); });
    ASSERT_TRUE(*signature) << signature->error().detail;
    ASSERT_TRUE(service.grant_key());
    EXPECT_NE(service.grant_key(), service.public_key());
    ASSERT_TRUE(write_file(directory.path("grant.der"), *service.grant_key(), 0600));
    ASSERT_TRUE(write_file(directory.path("grant.sig"), **signature, 0600));
    ASSERT_TRUE(write_file(directory.path("grant"), body, 0600));
    EXPECT_EQ(test::run_program({"openssl", "dgst", "-sha256", "-keyform", "DER", "-verify",
                                 directory.path("grant.der"), "-signature", directory.path("grant.sig"),
                                 directory.path("grant")}),
              0);
}

TEST_F(TpmServiceTest, AnswersWhoAsksBeforeItIsOpen) {
    Service service(reactor, log.log, options(swtpm.tcti()));
    service.start([] {});
    std::optional<Result<Quote>> quote;
    service.quote(Bytes(8, 1), {0}, [&](Result<Quote> result) { quote = std::move(result); });
    test::run_until(reactor, [&] { return quote.has_value(); });
    EXPECT_TRUE(*quote);
}

TEST_F(TpmServiceTest, FailsAtOnceWithoutATpmAndTellsOnce) {
    swtpm.stop();
    Service service(reactor, log.log, options("swtpm:path=/nonexistent"), std::chrono::milliseconds(1));
    service.start([] {});
    std::optional<Result<Bytes>> signature;
    service.sign(Hash{}, [&](Result<Bytes> result) { signature = std::move(result); });
    test::run_until(reactor, [&] { return signature.has_value(); });
    EXPECT_EQ(signature->error().code, Code::tpm_missing);
    EXPECT_FALSE(signature->error().causes.empty());
    // It tries again, with longer and longer pauses, and says no more about it.
    test::run_until(reactor, [&, rounds = 0]() mutable { return ++rounds == 20; });
    EXPECT_EQ(std::ranges::count(log.events, "tpm_unavailable", &LogEvent::event_type), 1);
}

TEST_F(TpmServiceTest, FindsATpmThatComesLater) {
    swtpm.stop();
    Service service(reactor, log.log, options(swtpm.tcti()), std::chrono::milliseconds(1));
    bool ready = false;
    service.start([&] { ready = true; });
    test::run_until(reactor, [&] { return service.trouble()->code == Code::tpm_missing; });
    const test::Swtpm later(directory);
    test::run_until(reactor, [&] { return ready; });
    EXPECT_FALSE(service.trouble());
}

} // namespace
} // namespace dsmil::tpm
