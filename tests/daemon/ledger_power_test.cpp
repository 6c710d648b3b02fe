// SPDX-License-Identifier: Apache-2.0
// The crash matrix of the ledger: the power fails, the process dies, the disk is
// full or fails, at every write, truncation and sync of the file and its log.
// docs/reliability.md has the table.
#include "ledger/export.hpp"
#include "ledger/ledger.hpp"
#include "ledger/verify.hpp"
#include "power_vfs.hpp"
#include "published.hpp"
#include "support.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <gtest/gtest.h>
#include <random>
#include <sys/wait.h>
#include <unistd.h>

namespace dsmil::ledger {
namespace {

using test::Mishap;
using test::PowerVfs;

constexpr auto origin = "test.example/log";
constexpr unsigned batches = 24;
constexpr std::uint64_t moments = 120; // of a matrix, spread over all operations
// Set to anything, it has every operation tried; that takes minutes.
constexpr auto every_moment = "DSMIL_CRASH_EVERY";

// How many records must be there.
struct Acknowledged {
    std::uint64_t process = 0; // after a kill
    std::uint64_t power = 0;   // after a power cut
};

class LedgerPower : public testing::Test {
  protected:
    void SetUp() override { renew(); }
    void renew() {
        directory.reset();
        directory = std::make_unique<test::TempDir>();
        acknowledged = {};
    }
    [[nodiscard]] std::string path() const { return directory->path("ledger.db"); }
    [[nodiscard]] LedgerOptions options() const {
        LedgerOptions options;
        options.path = path();
        options.default_origin = origin;
        options.wal_pages = 16; // so that it goes into the file now and then
        return options;
    }

    // Batches of both classes, and checkpoints. Ends at the first error, or tries again.
    void write(bool try_again, const std::function<void()> &told = [] {}) {
        auto ledger = Ledger::open(options());
        if (!ledger && try_again) {
            ledger = Ledger::open(options());
        }
        if (!ledger) {
            return;
        }
        std::mt19937_64 random(4711); // always the same batches
        for (unsigned i = 0; i < batches; i++) {
            const auto durability = random() % 2 == 0 ? Durability::process : Durability::power;
            std::vector<Record> records;
            const std::uint64_t first = ledger->head().size + 1;
            for (std::uint64_t count = 1 + random() % 12; count > 0; count--) {
                records.push_back(test::ring_record(first + records.size()));
                records.back().context.push_back({"ballast", Bytes(random() % 700)});
            }
            auto appended = ledger->append(records, durability);
            for (int more = 0; !appended && try_again && more < 2; more++) {
                appended = ledger->append(records, durability);
            }
            if (!appended) {
                return;
            }
            acknowledged.process = ledger->head().size;
            acknowledged.power = durability == Durability::power ? ledger->head().size : acknowledged.power;
            told();
            if (i % 5 == 4 && !checkpoint(*ledger) && !try_again) {
                return;
            }
        }
    }
    bool checkpoint(Ledger &ledger) {
        if (!ledger.sync()) {
            return false;
        }
        acknowledged.power = ledger.head().size;
        const Head head = ledger.head();
        return ledger.add_checkpoint(head.size, key.note(origin, head.size, head.root)).has_value();
    }

    // What is there is what was sent, from the first record on; it goes on from
    // there; and the whole verifies.
    void check(std::uint64_t at_least, std::uint64_t moment) {
        auto ledger = Ledger::open(options());
        ASSERT_TRUE(ledger) << "moment " << moment << ": " << ledger.error().detail;
        const std::uint64_t size = ledger->head().size;
        ASSERT_GE(size, at_least) << "moment " << moment;
        std::vector<Record> again; // all of it, as the ring would give it, and one more
        for (std::uint64_t i = 1; i <= size + 1; i++) {
            again.push_back(test::ring_record(i));
        }
        const auto appended = ledger->append(std::move(again));
        ASSERT_TRUE(appended);
        EXPECT_EQ(appended->records, 1U) << "moment " << moment;
        ASSERT_TRUE(checkpoint(*ledger));
        const auto report = verify_file(path(), key.verifier(origin).text());
        ASSERT_TRUE(report) << "moment " << moment << ": " << report.error().detail
                            << report.error().causes.front();
        EXPECT_EQ(report->size, size + 1);
    }

    // How many operations there are when nothing happens.
    std::uint64_t count_operations() {
        const PowerVfs vfs(Mishap::none, 0);
        write(false);
        return vfs.operations();
    }
    // From one moment to the next, when `some` are tried; docs/reliability.md says how many.
    static std::uint64_t step_of(std::uint64_t operations, std::uint64_t some) {
        if (std::getenv(every_moment) != nullptr) {
            std::printf("every one of %llu moments\n", static_cast<unsigned long long>(operations));
            return 1;
        }
        test::expect_published(std::format("at least {}, spread over all", some));
        return std::max<std::uint64_t>(1, operations / some);
    }

    std::unique_ptr<test::TempDir> directory;
    test::TestKey key;
    Acknowledged acknowledged;
};

TEST_F(LedgerPower, WithoutAMishapEverythingIsThere) {
    const std::uint64_t operations = count_operations();
    EXPECT_GT(operations, 100U);
    check(acknowledged.process, 0);
}

TEST_F(LedgerPower, APowerCutLosesNothingThatWasAcknowledgedWithPower) {
    const std::uint64_t operations = count_operations();
    const std::uint64_t step = step_of(operations, moments);
    std::uint64_t losses = 0;
    for (std::uint64_t moment = 0; moment < operations; moment += step) {
        renew();
        {
            const PowerVfs vfs(Mishap::power_cut, moment);
            write(false);
            ASSERT_TRUE(vfs.happened());
            vfs.restore(moment);
        }
        const std::uint64_t there =
            std::filesystem::exists(path()) ? Ledger::open(options())->head().size : 0;
        losses += acknowledged.process > there ? 1 : 0;
        check(acknowledged.power, moment);
        ASSERT_FALSE(testing::Test::HasFatalFailure());
    }
    // Else the disk of this test would forget nothing, and prove nothing.
    EXPECT_GT(losses, 0U);
}

TEST_F(LedgerPower, AKillLosesNothingThatWasAcknowledged) {
    const std::uint64_t operations = count_operations();
    const std::uint64_t step = step_of(operations, moments / 2);
    for (std::uint64_t moment = 0; moment < operations; moment += step) {
        renew();
        std::array<int, 2> pipe{};
        ASSERT_EQ(::pipe(pipe.data()), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            const PowerVfs vfs(Mishap::kill, moment);
            write(false,
                  [&] { static_cast<void>(::write(pipe[1], &acknowledged, sizeof(acknowledged)) == 0); });
            ::_exit(0);
        }
        ::close(pipe[1]);
        while (::read(pipe[0], &acknowledged, sizeof(acknowledged)) == sizeof(acknowledged)) {
        }
        ::close(pipe[0]);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "moment " << moment;
        check(acknowledged.process, moment);
        ASSERT_FALSE(testing::Test::HasFatalFailure());
    }
}

class LedgerDisk : public LedgerPower, public testing::WithParamInterface<Mishap> {};

TEST_P(LedgerDisk, LosesNothingAndGoesOn) {
    const std::uint64_t operations = count_operations();
    const std::uint64_t step = step_of(operations, moments);
    for (std::uint64_t moment = 0; moment < operations; moment += step) {
        renew();
        {
            const PowerVfs vfs(GetParam(), moment);
            write(true);
            ASSERT_TRUE(vfs.happened());
        }
        check(acknowledged.process, moment);
        ASSERT_FALSE(testing::Test::HasFatalFailure());
    }
}

INSTANTIATE_TEST_SUITE_P(Each, LedgerDisk, testing::Values(Mishap::disk_full, Mishap::input_error),
                         [](const auto &mishap) {
                             return std::string(mishap.param == Mishap::disk_full ? "full" : "error");
                         });

} // namespace
} // namespace dsmil::ledger
