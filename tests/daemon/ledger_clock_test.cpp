// SPDX-License-Identifier: Apache-2.0
// A clock that is set back is told in the ledger, once, and nothing else comes of it.
#include "ledger/service.hpp"
#include "ledger/verify.hpp"
#include "support.hpp"
#include "test_clock.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace dsmil::ledger {
namespace {

class LedgerClock : public testing::Test {
  protected:
    // A life of the ledger, in which the clock is moved before each further record; its actions afterwards.
    std::vector<std::string> live(const std::vector<std::int64_t> &steps_s) {
        Reactor reactor;
        Service service{reactor, log.log, clock, key};
        ServiceOptions options;
        options.state_dir = directory.path("");
        options.ledger.path = directory.path("ledger.db");
        options.ledger.default_origin = "test.example/log";
        options.checkpoint_interval = std::chrono::milliseconds(1);
        EXPECT_TRUE(service.start(std::move(options)));
        for (const std::int64_t step : steps_s) {
            clock.realtime += static_cast<std::uint64_t>(step) * test::second_ns;
            append(reactor, service);
        }
        std::optional<std::vector<std::string>> actions;
        service.read(0, Service::max_read, [&](const Result<std::vector<Record>> &records) {
            actions.emplace();
            std::ranges::transform(records.value(), std::back_inserter(*actions), &Record::action);
        });
        test::run_until(reactor, [&] { return actions.has_value(); });
        bool closed = false;
        service.close([&](const Result<void> &result) { closed = result.has_value(); });
        test::run_until(reactor, [&] { return closed; });
        EXPECT_TRUE(service.stop(std::chrono::seconds(10)));
        return *actions;
    }
    [[nodiscard]] Result<VerifyReport> verified() const {
        return verify_file(directory.path("ledger.db"), key.verifier("test.example/log").text());
    }

    test::TempDir directory;
    test::TestLog log;
    test::TestKey key;
    test::TestClock clock;

  private:
    static void append(Reactor &reactor, Service &service) {
        std::vector<Record> records;
        records.push_back(service.own_record("test", "ok"));
        bool kept = false;
        service.append(std::move(records),
                       [&](const Result<Appended> &result) { kept = result.has_value(); });
        test::run_until(reactor, [&] { return kept; });
    }
};

TEST_F(LedgerClock, ThatGoesBackIsARecordAndTheLedgerGoesOn) {
    const std::vector<std::string> expected = {"test", "test", "clock_went_back", "test", "test", "test"};
    EXPECT_EQ(live({0, 3600, -7200, 0, 3600}), expected);
    EXPECT_TRUE(verified());
}

TEST_F(LedgerClock, MayBeSetForwardAndBackByAHair) {
    const std::vector<std::string> expected = {"test", "test", "test"};
    EXPECT_EQ(live({0, 3600, -1}), expected);
}

TEST_F(LedgerClock, ThatIsBehindTheNewestRecordAtTheStartIsARecord) {
    live({0});
    clock.boottime = test::second_ns; // another boot
    clock.realtime -= 86'400 * test::second_ns;
    EXPECT_EQ(live({0}), (std::vector<std::string>{"test", "clock_went_back", "test"}));
    EXPECT_TRUE(verified());
    EXPECT_EQ(live({0}).size(), 4U); // told once: the newest record is of that time now
}

} // namespace
} // namespace dsmil::ledger
