// SPDX-License-Identifier: Apache-2.0
// The cosignature and the quote of a checkpoint, and what is signed at once.
#include "attest/quote.hpp"
#include "base/file.hpp"
#include "base/sha256.hpp"
#include "ledger/cosigner.hpp"
#include "ledger/database.hpp"
#include "ledger/service.hpp"
#include "ledger/verify.hpp"
#include "paper_notary.hpp"
#include "support.hpp"
#include "told.hpp"

#include <algorithm>
#include <filesystem>
#include <format>
#include <gtest/gtest.h>
#include <span>
#include <string_view>
#include <utility>

namespace dsmil::ledger {
namespace {

class Evidence : public testing::Test {
  protected:
    [[nodiscard]] ServiceOptions options() const {
        ServiceOptions options;
        options.state_dir = directory.path("");
        options.ledger.path = directory.path("ledger.db");
        options.ledger.default_origin = "test.example/log";
        options.checkpoint_interval = std::chrono::hours(1);
        options.cosign_key = directory.path("cosign-key.pem");
        return options;
    }
    void start() { ASSERT_TRUE(service.start(options())); }
    void append(Record record) {
        std::vector<Record> records;
        records.push_back(std::move(record));
        bool kept = false;
        service.append(std::move(records), [&](const Result<Appended> &result) {
            EXPECT_TRUE(result);
            kept = true;
        });
        test::run_until(reactor, [&] { return kept; });
    }
    void checkpoint(Occasion occasion) {
        append(test::plain_record(1));
        bool done = false;
        service.checkpoint(occasion, [&](const Result<void> &result) {
            EXPECT_TRUE(result);
            done = true;
        });
        test::run_until(reactor, [&] { return done; });
    }
    // Of the newest checkpoint.
    [[nodiscard]] bool cosigned() const {
        const auto note = Note::parse(service.snapshot().checkpoint.value()).value();
        EXPECT_EQ(verify(note, key.verifier("test.example/log")), NoteVerdict::signed_by_key);
        const auto verdict = verify(note, VerifierKey::parse(service.cosigner_key().value()).value());
        EXPECT_NE(verdict, NoteVerdict::wrong);
        return verdict == NoteVerdict::signed_by_key;
    }
    [[nodiscard]] std::uint64_t quotes() const {
        auto database = Database::open(directory.path("ledger.db"), Database::Mode::read_only).value();
        return database.number("SELECT count(*) FROM quotes").value();
    }
    [[nodiscard]] Result<VerifyReport> verified(attest::QuoteVerifier *ak = nullptr) const {
        VerifyOptions options;
        options.ak = ak;
        const NoteVerifier verifier(key.verifier("test.example/log"));
        return verify_log(directory.path("ledger.db"), std::span(&verifier, 1), options);
    }
    void change(const std::string &sql) const {
        auto database = Database::open(directory.path("ledger.db"), Database::Mode::read_write).value();
        ASSERT_TRUE(database.run(sql));
    }

    test::TempDir directory;
    test::TestLog log;
    test::TestKey key;
    test::PaperTpm tpm;
    test::PaperNotary notary{tpm};
    Reactor reactor;
    Service service{reactor, log.log, system_clock(), key, &notary};
};

TEST_F(Evidence, IsTakenOnceAMinuteAndForWhatMatters) {
    start();
    checkpoint(Occasion::interval);
    EXPECT_TRUE(cosigned());
    EXPECT_EQ(quotes(), 1U);
    checkpoint(Occasion::interval);
    EXPECT_FALSE(cosigned());
    EXPECT_EQ(quotes(), 1U);
    checkpoint(Occasion::critical);
    EXPECT_TRUE(cosigned());
    checkpoint(Occasion::closing);
    EXPECT_TRUE(cosigned());
    EXPECT_EQ(quotes(), 3U);
}

TEST_F(Evidence, TheQuoteIsOfTheCheckpointsText) {
    start();
    checkpoint(Occasion::interval);
    auto database = Database::open(directory.path("ledger.db"), Database::Mode::read_only).value();
    auto row =
        database.prepare("SELECT attest, note, signature FROM quotes JOIN checkpoints ON id = checkpoint")
            .value();
    ASSERT_TRUE(row.step().value());
    const Hash digest = sha256(as_bytes(Note::parse(row.text(1)).value().text));
    const auto report = attest::verify_quote({.quoted = Bytes(row.bytes(0).begin(), row.bytes(0).end()),
                                              .signature = Bytes(row.bytes(2).begin(), row.bytes(2).end()),
                                              .ak_public_pem = notary.ak.pem(),
                                              .pcrs = test::PaperNotary::values()},
                                             digest, test::PaperNotary::pcrs());
    EXPECT_TRUE(report) << test::told(report.error());
}

TEST_F(Evidence, ACheckpointWithoutAQuoteIsKeptAndTheFailureToldOnce) {
    start();
    notary.usable = false;
    checkpoint(Occasion::critical);
    checkpoint(Occasion::critical);
    EXPECT_TRUE(cosigned());
    EXPECT_EQ(quotes(), 0U);
    EXPECT_EQ(std::ranges::count(log.events, "checkpoint_quote_failed", &LogEvent::event_type), 1);
}

TEST_F(Evidence, AnExportHasIt) {
    start();
    checkpoint(Occasion::interval);
    append(test::plain_record(9));
    Fd copy;
    service.export_copy([&](Result<Fd> result) {
        ASSERT_TRUE(result);
        copy = std::move(*result);
    });
    test::run_until(reactor, [&] { return static_cast<bool>(copy); });
    // It has no name any more.
    constexpr std::size_t enough = 1U << 20U;
    const auto content = read_file(std::format("/proc/self/fd/{}", copy.get()), enough);
    ASSERT_TRUE(content) << test::told(content.error());
    ASSERT_TRUE(write_file(directory.path("copy.db"), as_bytes(*content), 0600));
    auto database = Database::open(directory.path("copy.db"), Database::Mode::read_only).value();
    EXPECT_EQ(database.number("SELECT count(*) FROM quotes").value(), 2U);
}

TEST_F(Evidence, ACriticalRecordIsSignedAtOnce) {
    start(); // The interval is an hour.
    auto record = test::plain_record(1);
    record.action = "write";
    record.outcome = "refused";
    append(std::move(record));
    test::run_until(reactor, [&] { return service.snapshot().checkpoint_size == 1; });
    EXPECT_TRUE(cosigned());
}

TEST_F(Evidence, WithAFileThatIsNoKeyItDoesNotStart) {
    ASSERT_TRUE(write_file(directory.path("cosign-key.pem"), as_bytes("no key"), 0600));
    EXPECT_EQ(service.start(options()).error().code, Code::failed);
}

TEST_F(Evidence, TheCosignersKeyIsMadeOnceAndItsOwners) {
    const auto path = directory.path("cosign-key.pem");
    const auto first = Cosigner::open(path, "test.example/log").value().key().text();
    EXPECT_EQ(Cosigner::open(path, "test.example/log").value().key().text(), first);
    EXPECT_EQ(std::filesystem::status(path).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(Evidence, IsVerifiedWithTheAttestationKeyAndWithoutIt) {
    start();
    checkpoint(Occasion::critical);
    checkpoint(Occasion::critical);
    const auto plain = verified();
    ASSERT_TRUE(plain) << test::told(plain.error());
    EXPECT_EQ(plain->quotes, 2U);
    EXPECT_FALSE(plain->quotes_verified);
    auto ak = attest::QuoteVerifier::make(notary.ak.public_key()).value();
    const auto signed_ones = verified(&ak);
    ASSERT_TRUE(signed_ones) << test::told(signed_ones.error());
    EXPECT_TRUE(signed_ones->quotes_verified);
    auto other = attest::QuoteVerifier::make(test::AttestKey(attest::KeyKind::p256).public_key()).value();
    EXPECT_EQ(verified(&other).error().code, Code::tampered);
}

// Of what was tampered with, each with what the verdict names.
class EvidenceTampered : public Evidence,
                         public testing::WithParamInterface<std::pair<std::string_view, std::string_view>> {};

TEST_P(EvidenceTampered, IsNamed) {
    start();
    checkpoint(Occasion::critical);
    checkpoint(Occasion::critical);
    EXPECT_TRUE(service.stop(std::chrono::seconds(10)));
    change(std::string(GetParam().first));
    const auto report = verified();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::tampered);
    EXPECT_NE(test::told(report.error()).find(GetParam().second), std::string::npos)
        << test::told(report.error());
}

INSTANTIATE_TEST_SUITE_P(
    Each, EvidenceTampered,
    testing::Values(
        std::pair("UPDATE quotes SET pcrs = randomblob(512) WHERE checkpoint = 2", "checkpoint 2: values"),
        std::pair("UPDATE quotes SET pcrs = zeroblob(32) WHERE checkpoint = 2", "the values of the PCRs"),
        std::pair("UPDATE quotes SET attest = (SELECT attest FROM quotes WHERE checkpoint = 1)",
                  "checkpoint 2: nonce"),
        std::pair("UPDATE quotes SET attest = x'ff' WHERE checkpoint = 1", "checkpoint 1: magic"),
        std::pair("UPDATE quotes SET checkpoint = 9 WHERE checkpoint = 2", "there is no such checkpoint"),
        std::pair("UPDATE quotes SET checkpoint = 3 WHERE checkpoint = 1; "
                  "DELETE FROM quotes WHERE checkpoint = 2",
                  "there is no such checkpoint")));

TEST_F(Evidence, WhoseClockGoesBackIsNamed) {
    start();
    tpm.clock_ms = 9'000;
    checkpoint(Occasion::critical);
    tpm.clock_ms = 1'000;
    checkpoint(Occasion::critical);
    const auto report = verified();
    ASSERT_FALSE(report);
    EXPECT_NE(test::told(report.error()).find("checkpoint 2: clock"), std::string::npos)
        << test::told(report.error());
}

} // namespace
} // namespace dsmil::ledger
