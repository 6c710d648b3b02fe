// SPDX-License-Identifier: Apache-2.0
// What the TPM remembers of a ledger: what a crash anywhere leaves, what an older copy or another
// history looks like, and how often the TPM's memory is written.
#include "base/clock.hpp"
#include "base/sha256.hpp"
#include "ledger/anchor.hpp"
#include "ledger/database.hpp"
#include "ledger/service.hpp"
#include "ledger/tpm_evidence.hpp"
#include "ledger/verify.hpp"
#include "paper_notary.hpp"
#include "published.hpp"
#include "support.hpp"
#include "test_clock.hpp"
#include "told.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <format>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dsmil::ledger {
namespace {

constexpr unsigned per_day = 150;

// A life of the daemon's ledger.
class Life {
  public:
    Life(const std::string &directory, const test::TestKey &key, const Clock &clock, test::PaperTpm &tpm)
        : notary(tpm), signer_(key), service(reactor, log.log, clock, signer_, &notary) {
        options.state_dir = directory;
        options.ledger.path = directory + "/ledger.db";
        options.ledger.default_origin = "test.example/log";
        options.checkpoint_interval = std::chrono::hours(1);
        options.anchors_per_day = per_day;
    }
    void start() {
        ASSERT_TRUE(service.start(options));
        service.signer_ready();
    }
    void await(AnchorState state) {
        test::run_until(reactor, [&] { return service.anchors().state() == state; });
    }
    void append(std::string action = "test") {
        std::vector<Record> records;
        records.push_back(service.own_record(std::move(action), "ok"));
        bool kept = false;
        service.append(std::move(records),
                       [&](const Result<Appended> &result) { kept = result.has_value(); });
        test::run_until(reactor, [&] { return kept; });
    }
    void checkpoint(Occasion occasion) {
        append();
        bool done = false;
        service.checkpoint(occasion, [&](const Result<void> &result) {
            EXPECT_TRUE(result);
            done = true;
        });
        test::run_until(reactor, [&] { return done; });
    }
    // Of a new record.
    void anchor() {
        checkpoint(Occasion::critical);
        test::run_until(reactor, [&] {
            const auto &last = service.anchors().last();
            return last && last->size == service.snapshot().head.size;
        });
    }
    [[nodiscard]] bool recorded(std::string_view action) {
        append(); // What was noticed before is in the file then.
        std::optional<bool> found;
        service.read(0, Service::max_read, [&](const Result<std::vector<Record>> &records) {
            found = std::ranges::contains(records.value(), action, &Record::action);
        });
        test::run_until(reactor, [&] { return found.has_value(); });
        return *found;
    }

    test::TestLog log;
    Reactor reactor;
    test::PaperNotary notary;
    ServiceOptions options;

  private:
    // A key that outlives this life.
    class Borrowed final : public Signer {
      public:
        explicit Borrowed(const test::TestKey &key) : key_(key) {}
        [[nodiscard]] std::optional<Bytes> public_key() const override { return key_.spki(); }
        void sign(const Hash &digest, Then<Result<Bytes>> then) override { then(key_.sign_digest(digest)); }

      private:
        const test::TestKey &key_;
    };
    Borrowed signer_;

  public:
    Service service;
};

class Anchors : public testing::Test {
  protected:
    [[nodiscard]] std::unique_ptr<Life> live() {
        auto life = std::make_unique<Life>(directory.path(""), key, clock, tpm);
        life->start();
        return life;
    }
    [[nodiscard]] std::string ledger() const { return directory.path("ledger.db"); }
    // With what the TPM holds now, or without it.
    [[nodiscard]] Result<VerifyReport> verified(bool with_tpm = true) const {
        VerifyOptions options;
        const AnchorWitness witness{tpm.memory.value.value_or(Hash{}), tpm.memory.count.value_or(0)};
        options.tpm = with_tpm ? &witness : nullptr;
        const NoteVerifier verifier(key.verifier("test.example/log"));
        return verify_log(ledger(), std::span(&verifier, 1), options);
    }
    void expect(Code code, const Result<VerifyReport> &report) const {
        ASSERT_FALSE(report) << report->text();
        EXPECT_EQ(report.error().code, code) << test::told(report.error());
    }
    void change(std::string_view sql) const {
        auto database = Database::open(ledger(), Database::Mode::read_write).value();
        ASSERT_TRUE(database.run(sql));
    }
    void keep_copy() const {
        std::filesystem::copy_file(ledger(), directory.path("old.db"),
                                   std::filesystem::copy_options::overwrite_existing);
    }
    void put_copy_back() const {
        std::filesystem::remove(ledger() + "-wal");
        std::filesystem::remove(ledger() + "-shm");
        std::filesystem::rename(directory.path("old.db"), ledger());
    }

    test::TempDir directory;
    test::TestKey key;
    test::TestClock clock;
    test::PaperTpm tpm;
};

TEST_F(Anchors, TheTpmRemembersCriticalCheckpointsAtOnceAndTheOthersByAndBy) {
    auto life = live();
    life->await(AnchorState::kept);
    life->checkpoint(Occasion::interval); // The first one.
    test::run_until(life->reactor, [&] { return life->service.anchors().made() == 1; });
    EXPECT_EQ(life->service.anchors().last()->reason, AnchorReason::interval);
    life->checkpoint(Occasion::interval);
    life->anchor();
    EXPECT_EQ(life->service.anchors().last()->reason, AnchorReason::critical);
    EXPECT_EQ(tpm.extended, 2U);
    EXPECT_EQ(tpm.counted, 2U);
    clock.pass(600);
    life->checkpoint(Occasion::interval);
    test::run_until(life->reactor, [&] { return life->service.anchors().made() == 3; });
    life.reset();
    const auto report = verified();
    ASSERT_TRUE(report) << test::told(report.error());
    EXPECT_EQ(report->anchors, 3U);
    EXPECT_EQ(report->freshness, Freshness::tpm);
    EXPECT_EQ(report->fresh_size, 4U);
}

TEST_F(Anchors, TheEndIsAnchored) {
    auto life = live();
    life->await(AnchorState::kept);
    life->anchor();
    life->append();
    bool closed = false;
    life->service.close([&](const Result<void> &result) { closed = result.has_value(); });
    test::run_until(life->reactor, [&] { return closed; });
    EXPECT_EQ(life->service.anchors().last()->reason, AnchorReason::closing);
    EXPECT_EQ(life->service.anchors().last()->size, 2U);
    closed = false; // Nothing new: nothing is written.
    life->service.close([&](const Result<void> &result) { closed = result.has_value(); });
    test::run_until(life->reactor, [&] { return closed; });
    EXPECT_EQ(tpm.extended, 2U);
}

TEST_F(Anchors, WithoutATpmTheLedgerGoesOnAndItIsMadeUpFor) {
    auto life = live();
    life->await(AnchorState::kept);
    life->notary.usable = false;
    life->checkpoint(Occasion::critical);
    life->await(AnchorState::waiting);
    EXPECT_NE(life->service.anchors().detail().find("does nothing"), std::string::npos);
    life->notary.usable = true;
    life->service.signer_ready();
    test::run_until(life->reactor, [&] { return life->service.anchors().made() == 1; });
    EXPECT_EQ(life->service.anchors().state(), AnchorState::kept);
    EXPECT_EQ(tpm.extended, 1U);
}

// Critical records, each with a minute of its own: more than the TPM may be written.
TEST_F(Anchors, AFloodOfCriticalRecordsDoesNotWearTheTpmOut) {
    constexpr unsigned flood = 200;
    auto life = live();
    life->await(AnchorState::kept);
    for (unsigned i = 0; i < flood; i++) {
        if (i % 50 == 49) { // and each restart asks for one, too
            bool closed = false;
            life->service.close([&](const Result<void> &) { closed = true; });
            test::run_until(life->reactor, [&] { return closed; });
            life = live();
            life->await(AnchorState::kept);
        }
        life->checkpoint(Occasion::critical);
        clock.pass(60);
    }
    // A burst of 30, and one in twelve minutes of the 200.
    EXPECT_GE(tpm.extended, 30U);
    EXPECT_LE(tpm.extended, 30U + flood / 12 + 1);
    EXPECT_EQ(tpm.counted, tpm.extended);
    EXPECT_GT(life->service.anchors().refused(), 0U);
    EXPECT_EQ(life->service.anchors().budget().used(life->service.anchors().now()), tpm.extended);
}

TEST_F(Anchors, AnOlderCopyInItsPlaceIsSeenAtTheStartAndByWhoVerifies) {
    auto life = live();
    life->await(AnchorState::kept);
    life->anchor();
    life.reset();
    keep_copy();
    life = live();
    life->await(AnchorState::kept);
    life->anchor();
    life.reset();
    put_copy_back();
    expect(Code::cut, verified());
    EXPECT_EQ(verified(false)->freshness, Freshness::not_shown);
    life = live();
    life->await(AnchorState::rolled_back);
    EXPECT_TRUE(life->recorded("ledger_rolled_back"));
    life->checkpoint(Occasion::critical); // What happens is recorded nevertheless...
    EXPECT_EQ(tpm.extended, 2U);          // ...and nothing more is anchored, which would hide it.
    life.reset();
    expect(Code::cut, verified());
}

TEST_F(Anchors, AnotherLedgerInItsPlaceIsSeen) {
    auto life = live();
    life->await(AnchorState::kept);
    life->anchor();
    life.reset();
    for (const auto *suffix : {"", "-wal", "-shm"}) {
        std::filesystem::remove(ledger() + suffix);
    }
    life = live();
    life->await(AnchorState::rolled_back);
    life->checkpoint(Occasion::critical);
    life.reset();
    expect(Code::cut, verified());
}

TEST_F(Anchors, AnotherHistoryOfTheSameLengthForks) {
    auto life = live();
    life->await(AnchorState::kept);
    life->anchor();
    life.reset();
    keep_copy();
    life = live();
    life->await(AnchorState::kept);
    life->anchor();
    life.reset();
    put_copy_back();
    // With a TPM of the forger's own, which is at the same point.
    test::PaperTpm own = tpm;
    {
        auto database = Database::open(ledger(), Database::Mode::read_only).value();
        auto row = database.prepare("SELECT after, count FROM anchors").value();
        ASSERT_TRUE(row.step().value());
        std::ranges::copy(row.bytes(0), own.memory.value.emplace().begin());
        own.memory.count = row.number(1);
        own.next_count = row.number(1) + 1;
    }
    Life forger(directory.path(""), key, clock, own);
    forger.start();
    forger.await(AnchorState::kept);
    forger.append("forged");
    forger.anchor();
    EXPECT_TRUE(forger.service.stop(std::chrono::seconds(10)));
    expect(Code::forked, verified());
}

TEST_F(Anchors, AClearedTpmAndAForeignIndexAreSeen) {
    auto life = live();
    life->await(AnchorState::kept);
    life->anchor();
    life.reset();
    const auto before = tpm;
    tpm.memory = {};
    life = live();
    life->await(AnchorState::lost);
    EXPECT_TRUE(life->recorded("anchor_lost"));
    life.reset();
    tpm = before;
    tpm.memory.value = sha256(as_bytes("somebody else extended it"));
    life = live();
    life->await(AnchorState::differs);
    EXPECT_TRUE(life->recorded("anchor_differs"));
}

// With the record that tells of it, or without.
class AnchorsAdopted : public Anchors, public testing::WithParamInterface<bool> {};

TEST_P(AnchorsAdopted, BeginANewChainThatVerificationNames) {
    auto life = live();
    life->await(AnchorState::kept);
    life->anchor();
    std::optional<Code> refused;
    life->service.adopt_anchors([&](const Result<void> &result) { refused = result.error().code; });
    EXPECT_EQ(refused, Code::conflict);
    life.reset();
    keep_copy();
    life = live();
    life->await(AnchorState::kept);
    life->anchor();
    life.reset();
    put_copy_back();
    life = live();
    life->await(AnchorState::rolled_back);
    if (GetParam()) {
        life->append("anchor_adopted");
    }
    life->checkpoint(Occasion::critical);
    bool adopted = false;
    life->service.adopt_anchors([&](const Result<void> &result) { adopted = result.has_value(); });
    life->await(AnchorState::kept);
    EXPECT_TRUE(adopted);
    life->anchor();
    life.reset();
    const auto report = verified();
    if (!GetParam()) {
        expect(Code::tampered, report);
        EXPECT_NE(test::told(report.error()).find("no record says who adopted it"), std::string::npos);
        return;
    }
    ASSERT_TRUE(report) << test::told(report.error());
    EXPECT_EQ(report->adopted, 1U);
    EXPECT_NE(report->text().find("began anew 1 times"), std::string::npos) << report->text();
    life = live();
    life->await(AnchorState::kept);
}

INSTANTIATE_TEST_SUITE_P(Each, AnchorsAdopted, testing::Bool());

// What changes a file's anchors, and what the verdict is.
class AnchorsTampered : public Anchors,
                        public testing::WithParamInterface<std::pair<std::string_view, std::string_view>> {};

TEST_P(AnchorsTampered, IsNamed) {
    auto life = live();
    life->await(AnchorState::kept);
    for (int i = 0; i < 3; i++) {
        life->anchor();
    }
    life.reset();
    change(GetParam().first);
    const auto report = verified(false);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::tampered);
    EXPECT_NE(test::told(report.error()).find(GetParam().second), std::string::npos)
        << test::told(report.error());
}

INSTANTIATE_TEST_SUITE_P(
    Each, AnchorsTampered,
    testing::Values(
        std::pair("UPDATE anchors SET at = at + 1 WHERE id = 2", "anchor 2: it does not follow from"),
        std::pair("UPDATE anchors SET reason = 'closing' WHERE id = 3", "anchor 3: it does not follow from"),
        std::pair("UPDATE anchors SET reason = 'why' WHERE id = 3", "anchor 3: its reason"),
        std::pair("UPDATE anchors SET checkpoint = 1 WHERE id = 2", "anchor 2: it does not follow from"),
        std::pair("UPDATE anchors SET checkpoint = 77 WHERE id = 2", "anchor 2: there is no such checkpoint"),
        std::pair("UPDATE anchors SET before = zeroblob(32) WHERE id = 2",
                  "anchor 2: it does not follow from"),
        std::pair("UPDATE anchors SET after = zeroblob(32) WHERE id = 1",
                  "anchor 1: it does not follow from"),
        std::pair("UPDATE anchors SET after = x'00' WHERE id = 1", "anchor 1: it is malformed"),
        std::pair("UPDATE anchors SET count = count + 1 WHERE id = 2", "anchor 2: its count does not follow"),
        std::pair("UPDATE anchors SET count = NULL WHERE id = 1", "anchor 2: the one before it was never"),
        std::pair("DELETE FROM anchors WHERE id = 1", "anchor 2: the first ones are missing"),
        std::pair("DELETE FROM anchors WHERE id = 2", "anchor 3: one before it is missing")));

TEST_F(Anchors, CutOffAnchorsShowToWhoAsksTheTpmAndToNobodyElse) {
    auto life = live();
    life->await(AnchorState::kept);
    life->anchor();
    life->anchor();
    life.reset();
    change("DELETE FROM anchors WHERE id = 2");
    EXPECT_TRUE(verified(false));
    expect(Code::cut, verified());
    change("UPDATE anchors SET count = count + 1"); // of the one that is left
    expect(Code::forked, verified());
    change("DELETE FROM anchors");
    expect(Code::cut, verified());
}

TEST_F(Anchors, TheEvidenceIsTheTpmsAndOverTheNonce) {
    auto life = live();
    life->await(AnchorState::kept);
    life->anchor();
    const Bytes nonce(16, 9);
    std::optional<AnchorEvidence> made;
    life->service.certify_anchors(nonce,
                                  [&](Result<AnchorEvidence> evidence) { made = std::move(*evidence); });
    ASSERT_TRUE(made);
    const auto ak = life->notary.ak.public_key();
    const auto witness = verify_evidence(*made, ak, nonce);
    ASSERT_TRUE(witness) << test::told(witness.error());
    EXPECT_EQ(witness->value, tpm.memory.value);
    EXPECT_EQ(witness->count, tpm.memory.count);
    const auto refused = [&](const AnchorEvidence &evidence, const attest::PublicKey &with, ByteView over,
                             std::string_view why) {
        const auto result = verify_evidence(evidence, with, over);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, Code::attestation_failed);
        EXPECT_NE(test::told(result.error()).find(why), std::string::npos) << test::told(result.error());
    };
    refused(*made, ak, Bytes(16, 8), "nonce");
    refused(*made, test::AttestKey(attest::KeyKind::p256).public_key(), nonce, "signature");
    AnchorEvidence swapped = *made;
    std::swap(swapped.value, swapped.count);
    refused(swapped, ak, nonce, "name");
    AnchorEvidence cut_short = *made;
    cut_short.count.attest.pop_back();
    refused(cut_short, ak, nonce, "form");
}

// --- kill -9 at each step ---

using Step = std::uint64_t;

// In shared memory, so that it outlives the one who dies.
struct Shared {
    test::PaperTpm tpm;
    Step steps = 0;
    std::uint64_t acknowledged = 0; // records
};

class AnchorCrash : public Anchors {
  protected:
    void SetUp() override {
        void *place =
            ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(place, MAP_FAILED);
        shared = new (place) Shared;
    }
    void TearDown() override { ::munmap(shared, sizeof(Shared)); }

    // Two anchors and an end; dies at a step. False when there was none so late.
    [[nodiscard]] bool live_until(Step last) {
        shared->steps = 0;
        const pid_t child = ::fork();
        if (child == 0) {
            const auto step = [this, last](std::string_view) {
                if (++shared->steps == last) {
                    ::kill(::getpid(), SIGKILL);
                }
            };
            Life life(directory.path(""), key, clock, shared->tpm);
            life.notary.on_step = step;
            life.options.ledger.on_step = step;
            life.start();
            life.await(AnchorState::kept);
            for (int i = 0; i < 2; i++) {
                life.append();
                shared->acknowledged = life.service.snapshot().head.size;
                life.anchor();
            }
            ::_exit(0);
        }
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        return WIFSIGNALED(status);
    }
    Shared *shared = nullptr;
};

TEST_F(AnchorCrash, AtAnyStepFileAndTpmAgreeAgainAndNothingIsLost) {
    test::expect_published("every one of two anchors and of the first start: defining, pending, extending, "
                           "counting, done");
    Step last = 0;
    bool died = true;
    while (died) {
        died = live_until(++last);
        Life life(directory.path(""), key, clock, shared->tpm);
        life.start();
        life.await(AnchorState::kept);
        EXPECT_GE(life.service.snapshot().head.size, shared->acknowledged) << "step " << last;
        life.anchor();
        EXPECT_TRUE(life.service.stop(std::chrono::seconds(10)));
        tpm = shared->tpm;
        const auto report = verified();
        ASSERT_TRUE(report) << "step " << last << ": " << test::told(report.error());
        EXPECT_EQ(report->anchors, shared->tpm.extended) << "step " << last;
        EXPECT_EQ(report->anchors, shared->tpm.counted) << "step " << last;
        clock.pass(86'400); // for the budget
    }
    EXPECT_GT(last, 15U); // there were that many to die at
}

} // namespace
} // namespace dsmil::ledger
