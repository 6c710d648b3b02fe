// SPDX-License-Identifier: Apache-2.0
// The crash matrix of pruning: at every write, truncation and sync of it the power fails,
// the process dies, the disk is full or fails. docs/reliability.md has the table.
#include "ledger/ledger.hpp"
#include "ledger/verify.hpp"
#include "power_vfs.hpp"
#include "support.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dsmil::ledger {
namespace {

using test::Mishap;
using test::PowerVfs;

constexpr auto origin = "test.example/log";
constexpr std::uint64_t records_before = 300;
constexpr std::uint64_t bundle = 256; // of which one goes

class RetentionCrash : public testing::TestWithParam<Mishap> {
  protected:
    void SetUp() override {
        auto ledger = Ledger::open(options("before.db")).value();
        std::vector<Record> records;
        for (std::uint64_t i = 0; i < records_before; i++) {
            records.push_back(test::plain_record(i));
        }
        ASSERT_TRUE(ledger.append(std::move(records)));
        sign(ledger);
    }
    [[nodiscard]] LedgerOptions options(const std::string &name) const {
        LedgerOptions options;
        options.path = directory.path(name);
        options.default_origin = origin;
        return options;
    }
    void sign(Ledger &ledger) {
        const Head head = ledger.head();
        ASSERT_TRUE(ledger.add_checkpoint(head.size, key.note(origin, head.size, head.root)));
    }
    // Whether it says that it is done.
    [[nodiscard]] bool prune() const {
        auto ledger = Ledger::open(options("ledger.db"));
        Record record = test::plain_record(records_before);
        record.action = pruned_action;
        record.values.clear();
        return ledger && ledger->prune({.before_ns = {}, .keep_records = 10}, std::move(record));
    }

    struct Outcome {
        bool happened = false;     // there was such a moment
        bool acknowledged = false; // pruning said that it is done
    };
    [[nodiscard]] Outcome kill_at(std::uint64_t moment) const {
        const pid_t child = ::fork();
        if (child == 0) {
            const PowerVfs vfs(Mishap::kill, moment);
            ::_exit(prune() ? 0 : 1);
        }
        int status = 0;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        return {.happened = WIFSIGNALED(status),
                .acknowledged = WIFEXITED(status) && WEXITSTATUS(status) == 0};
    }
    [[nodiscard]] Outcome strike_at(std::uint64_t moment) const {
        const PowerVfs vfs(GetParam(), moment);
        Outcome outcome{.happened = false, .acknowledged = prune()};
        outcome.happened = vfs.happened();
        if (GetParam() != Mishap::power_cut) {
            outcome.acknowledged = outcome.acknowledged || prune(); // The next try finds the disk in order.
            EXPECT_TRUE(outcome.acknowledged) << "moment " << moment;
        } else if (outcome.happened) {
            vfs.restore(moment);
        }
        return outcome;
    }

    // Whether the records are gone.
    void check(std::uint64_t moment, const Outcome &outcome, bool &gone) {
        auto ledger = Ledger::open(options("ledger.db"));
        ASSERT_TRUE(ledger) << "moment " << moment << ": " << ledger.error().detail;
        gone = ledger->first() == bundle;
        EXPECT_TRUE(gone || ledger->first() == 0) << "moment " << moment;
        EXPECT_TRUE(gone || !outcome.acknowledged) << "moment " << moment;
        EXPECT_EQ(ledger->head().size, records_before + (gone ? 1 : 0)) << "moment " << moment;
        sign(*ledger);
        const auto report = verify_file(directory.path("ledger.db"), key.verifier(origin).text());
        ASSERT_TRUE(report) << "moment " << moment << ": " << report.error().causes.front();
    }

    test::TempDir directory;
    test::TestKey key;
};

TEST_P(RetentionCrash, ThereIsAllOfItWithItsRecordOrNothing) {
    Outcome outcome{.happened = true, .acknowledged = false};
    std::uint64_t moment = 0;
    std::uint64_t undone = 0;
    for (; outcome.happened; moment++) {
        for (const auto *end : {"", "-wal", "-shm", "-journal"}) {
            std::filesystem::remove(directory.path("ledger.db") + end);
        }
        std::filesystem::copy_file(directory.path("before.db"), directory.path("ledger.db"));
        outcome = GetParam() == Mishap::kill ? kill_at(moment) : strike_at(moment);
        bool gone = false;
        check(moment, outcome, gone);
        ASSERT_FALSE(testing::Test::HasFatalFailure());
        undone += gone ? 0 : 1;
    }
    EXPECT_TRUE(outcome.acknowledged); // The last one was left in peace.
    EXPECT_GT(moment, 5U);
    EXPECT_EQ(undone > 0, GetParam() == Mishap::kill || GetParam() == Mishap::power_cut);
}

INSTANTIATE_TEST_SUITE_P(Each, RetentionCrash,
                         testing::Values(Mishap::power_cut, Mishap::kill, Mishap::disk_full,
                                         Mishap::input_error),
                         [](const auto &mishap) {
                             switch (mishap.param) {
                             case Mishap::power_cut:
                                 return "power";
                             case Mishap::kill:
                                 return "kill";
                             case Mishap::disk_full:
                                 return "full";
                             default:
                                 return "error";
                             }
                         });

} // namespace
} // namespace dsmil::ledger
