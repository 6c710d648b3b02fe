// SPDX-License-Identifier: Apache-2.0
#include "device/follower.hpp"
#include "ledger/verify.hpp"
#include "support.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace dsmil {
namespace {

// A ring in memory that remembers what was acknowledged.
class FakeRing final : public Ring {
  public:
    struct Shared {
        Fd fd{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
        std::deque<dsmil_event> waiting;
        std::uint64_t advanced = 0;
        unsigned reads = 0;
        bool broken = false;

        void add(std::uint64_t sequence) {
            dsmil_event event{};
            event.size = sizeof(event);
            event.type = DSMIL_EVENT_READ;
            event.sequence = sequence;
            event.device_id = 0x8000;
            waiting.push_back(event);
            signal();
        }
        void signal() const {
            const std::uint64_t one = 1;
            EXPECT_EQ(::write(fd.get(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
        }
    };

    explicit FakeRing(Shared &shared) : shared_(shared) {}
    [[nodiscard]] int fd() const override { return shared_.fd.get(); }
    [[nodiscard]] Result<std::vector<dsmil_event>> read(std::size_t limit) override {
        shared_.reads++;
        if (shared_.broken) {
            return fail(Code::firmware_gone, "the test broke it");
        }
        std::vector<dsmil_event> events;
        while (!shared_.waiting.empty() && events.size() < limit) {
            events.push_back(shared_.waiting.front());
            shared_.waiting.pop_front();
        }
        std::uint64_t number = 0;
        static_cast<void>(::read(fd(), &number, sizeof(number))); // NOLINT: the answer does not matter
        return events;
    }
    [[nodiscard]] Result<void> advance(std::uint64_t up_to) override {
        shared_.advanced = up_to;
        return {};
    }

  private:
    Shared &shared_;
};

class FollowerTest : public testing::Test {
  protected:
    void SetUp() override {
        ledger::ServiceOptions options;
        options.state_dir = directory.path("");
        options.ledger.path = directory.path("ledger.db");
        options.ledger.default_origin = "test.example/log";
        options.ledger.max_bytes = max_bytes;
        options.checkpoint_interval = std::chrono::milliseconds(0);
        options.ledger.on_step = [this](std::string_view step) { tries += step == "begun" ? 1 : 0; };
        ASSERT_TRUE(service.start(std::move(options)));
    }

    test::TempDir directory;
    test::TestLog log;
    test::TestKey key;
    std::uint64_t max_bytes = 0;
    std::atomic<unsigned> tries = 0; // of the ledger's thread, to append
    Reactor reactor;
    ledger::Service service{reactor, log.log, system_clock(), key};
    FakeRing::Shared ring;
};

TEST_F(FollowerTest, AcknowledgesOnlyWhatIsDurable) {
    Follower follower(reactor, log.log, service, std::make_unique<FakeRing>(ring),
                      std::chrono::milliseconds(1));
    follower.start();
    for (std::uint64_t i = 1; i <= 1'500; i++) { // three batches
        ring.add(i);
    }
    test::run_until(reactor, [&] {
        EXPECT_LE(ring.advanced, service.snapshot().head.size + 1);
        return ring.advanced == 1'501;
    });
    EXPECT_EQ(service.snapshot().head.size, 1'500U);
}

TEST_F(FollowerTest, SignsWhatCameAndNothingWhenNothingCame) {
    Follower follower(reactor, log.log, service, std::make_unique<FakeRing>(ring),
                      std::chrono::milliseconds(1));
    follower.start();
    ring.add(1);
    test::run_until(reactor, [&] { return service.snapshot().checkpoint_size == 1; });
    const auto first = service.snapshot().checkpoint;
    unsigned rounds = 0;
    test::run_until(reactor, [&] { return ++rounds == 20; });
    EXPECT_EQ(service.snapshot().checkpoint, first);
    ring.add(2);
    test::run_until(reactor, [&] { return service.snapshot().checkpoint_size == 2; });
    ASSERT_TRUE(service.stop(std::chrono::minutes(1)));
    EXPECT_TRUE(ledger::verify_file(directory.path("ledger.db"), key.verifier("test.example/log").text()));
}

TEST_F(FollowerTest, WithoutAKeyTheLedgerGoesOnUnsigned) {
    key.usable = false;
    Follower follower(reactor, log.log, service, std::make_unique<FakeRing>(ring),
                      std::chrono::milliseconds(1));
    follower.start();
    ring.add(1);
    test::run_until(reactor, [&] { return ring.advanced == 2; });
    EXPECT_FALSE(service.snapshot().checkpoint);
    key.usable = true;
    service.signer_ready();
    test::run_until(reactor, [&] { return service.snapshot().checkpoint_size == 1; });
}

TEST_F(FollowerTest, ABrokenRingIsToldOnceAndTriedAgain) {
    ring.broken = true;
    Follower follower(reactor, log.log, service, std::make_unique<FakeRing>(ring),
                      std::chrono::milliseconds(1));
    follower.start();
    ring.add(1);
    test::run_until(reactor, [&] { return ring.reads >= 2; });
    ring.broken = false;
    test::run_until(reactor, [&] { return ring.advanced == 2; });
    const auto complaints = std::ranges::count(log.events, "audit_ring_failed", &LogEvent::event_type);
    EXPECT_EQ(complaints, 1);
}

TEST_F(FollowerTest, AHangUpWithoutRecordsIsNotAskedInACircle) {
    Follower follower(reactor, log.log, service, std::make_unique<FakeRing>(ring), std::chrono::hours(1));
    follower.start();
    unsigned rounds = 0;
    test::run_until(reactor, [&] {
        ring.signal(); // stays readable all the time
        return ++rounds == 20;
    });
    EXPECT_EQ(ring.reads, 1U);
}

TEST_F(FollowerTest, DrainingTakesWhatTheRingHas) {
    Follower follower(reactor, log.log, service, std::make_unique<FakeRing>(ring),
                      std::chrono::milliseconds(1));
    for (std::uint64_t i = 1; i <= 700; i++) {
        ring.add(i);
    }
    bool drained = false;
    follower.drain([&] { drained = true; });
    test::run_until(reactor, [&] { return drained; });
    EXPECT_EQ(ring.advanced, 701U);
}

class FollowerOnAFullDisk : public FollowerTest {
  protected:
    FollowerOnAFullDisk() { max_bytes = 100'000; }
};

TEST_F(FollowerOnAFullDisk, AdvancesNothingAndTellsOnce) {
    Follower follower(reactor, log.log, service, std::make_unique<FakeRing>(ring),
                      std::chrono::milliseconds(1));
    follower.start();
    for (std::uint64_t i = 1; i <= 400; i++) { // more than fits
        ring.add(i);
    }
    test::run_until(reactor, [&] { return tries >= 3; });
    EXPECT_EQ(ring.advanced, 0U);
    EXPECT_EQ(service.snapshot().head.size, 0U);
    EXPECT_EQ(std::ranges::count(log.events, "ledger_append_failed", &LogEvent::event_type), 1);
    bool drained = false;
    follower.drain([&] { drained = true; }); // the end of the daemon does not wait for space
    test::run_until(reactor, [&] { return drained; });
    EXPECT_EQ(ring.advanced, 0U);
}

} // namespace
} // namespace dsmil
