// SPDX-License-Identifier: Apache-2.0
// Checkpoints of a running ledger, when the key does not do what it should.
#include "base/clock.hpp"
#include "ledger/note.hpp"
#include "ledger/service.hpp"
#include "support.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <optional>

namespace dsmil::ledger {
namespace {

// Signs as the test says.
class OddKey final : public Signer {
  public:
    [[nodiscard]] std::optional<Bytes> public_key() const override { return key.public_key(); }
    void sign(const Hash &digest, Then<Result<Bytes>> then) override {
        tries++;
        if (refuses) {
            then(fail(Code::tpm_auth, "another secret"));
            return;
        }
        other ? other->sign(digest, std::move(then)) : key.sign(digest, std::move(then));
    }
    test::TestKey key;
    std::optional<test::TestKey> other; // that signs in its place
    bool refuses = false;
    unsigned tries = 0;
};

class LedgerService : public testing::Test {
  protected:
    void SetUp() override {
        ServiceOptions options;
        options.state_dir = directory.path("");
        options.ledger.path = directory.path("ledger.db");
        options.ledger.default_origin = "test.example/log";
        options.checkpoint_interval = std::chrono::milliseconds(1);
        ASSERT_TRUE(ledger.start(std::move(options)));
    }
    void append() {
        bool kept = false;
        std::vector<Record> records;
        records.push_back(ledger.own_record("test", "ok"));
        ledger.append(std::move(records),
                      [&](const Result<Appended> &appended) { kept = appended.has_value(); });
        test::run_until(reactor, [&] { return kept; });
    }
    void await_signed() {
        test::run_until(reactor, [&] {
            return ledger.snapshot().checkpoint_size == ledger.snapshot().head.size &&
                   !ledger.unsigned_because();
        });
    }

    test::TempDir directory;
    test::TestLog log;
    OddKey key;
    Reactor reactor;
    Service ledger{reactor, log.log, system_clock(), key};
};

TEST_F(LedgerService, ASignatureThatDoesNotHoldIsNotKept) {
    key.other.emplace();
    append();
    test::run_until(reactor, [&] { return ledger.unsigned_because().has_value(); });
    EXPECT_EQ(ledger.unsigned_because()->code, Code::tpm_failed);
    EXPECT_FALSE(ledger.snapshot().checkpoint);
    key.other.reset();
    ledger.signer_ready();
    await_signed();
    const auto note = Note::parse(ledger.snapshot().checkpoint.value_or(""));
    ASSERT_TRUE(note);
    EXPECT_EQ(verify(*note, key.key.verifier("test.example/log")), NoteVerdict::signed_by_key);
}

TEST_F(LedgerService, AKeyThatRefusesIsAskedLessAndLessAndIsSaid) {
    key.refuses = true;
    append();
    test::run_until(reactor, [&] { return key.tries == 4; });
    ASSERT_TRUE(ledger.unsigned_because());
    EXPECT_EQ(ledger.unsigned_because()->code, Code::tpm_auth);
    // 1 + 2 + 4 + 8 ms: by now there were many more at one each millisecond.
    const auto begun = std::chrono::steady_clock::now();
    test::run_until(reactor, [&] { return key.tries == 6; });
    EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(8 + 16));
    key.refuses = false;
    ledger.signer_ready();
    await_signed();
    append();
    await_signed();
}

} // namespace
} // namespace dsmil::ledger
