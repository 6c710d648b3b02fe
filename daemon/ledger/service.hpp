// SPDX-License-Identifier: Apache-2.0
// The ledger for the rest of the daemon: asynchronous, with one thread that
// writes and one that reads, so that neither a slow disk nor a long export
// stops the reactor or the writer. Called, and calls back, on the reactor's
// thread.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/reactor.hpp"
#include "base/worker.hpp"
#include "dsmil/fd.hpp"
#include "ledger/export.hpp"
#include "ledger/ledger.hpp"
#include "ledger/signer.hpp"

#include <array>
#include <chrono>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dsmil::ledger {

// As of the last commit.
struct Snapshot {
    Head head;
    std::string origin;
    std::optional<std::string> checkpoint; // the newest signed note
    std::uint64_t checkpoint_size = 0;
};

// Since the start.
struct Counts {
    std::array<std::uint64_t, durability_classes> acknowledged{}; // records, by durability
    std::uint64_t commits = 0;                                    // transactions that took them
    std::uint64_t lost = 0; // records acknowledged with `none` that could not be kept after all
};

struct ServiceOptions {
    LedgerOptions ledger;
    std::string state_dir; // for exports in the making
    std::chrono::milliseconds checkpoint_interval{1'000};
};

class Service {
  public:
    static constexpr std::uint64_t max_read = 1'000; // records in one read()
    static constexpr std::size_t max_waiters = 64;
    // What waits for the disk; more is refused (try_again). What comes while the
    // disk is busy shares the next commit, up to this much in each.
    static constexpr std::size_t max_queued_bytes = 8U << 20U;
    static constexpr std::size_t max_group_bytes = 2U << 20U;

    Service(Reactor &reactor, const Log &log, const Clock &clock, Signer &signer);

    // Opens the ledger; blocks, for the start of the daemon.
    [[nodiscard]] Result<void> start(ServiceOptions options);
    // start() found no record of an earlier time: it made the file.
    [[nodiscard]] bool is_new() const { return ledger_->is_new(); }
    [[nodiscard]] bool stop(std::chrono::milliseconds patience);

    [[nodiscard]] const Snapshot &snapshot() const { return snapshot_; }

    // Why the last commit failed; nothing when it did not.
    [[nodiscard]] const std::optional<Error> &trouble() const { return trouble_; }
    [[nodiscard]] const Counts &counts() const { return counts_; }

    // Why the last checkpoint could not be made, so that what came since is not signed;
    // nothing when it could, or when there is no key.
    [[nodiscard]] const std::optional<Error> &unsigned_because() const { return unsigned_because_; }

    // A record of the daemon itself, with time and boot filled in.
    [[nodiscard]] Record own_record(std::string action, std::string outcome) const;

    // As durable as asked for when it calls back (with `none`: at once, so it says
    // no duplicates). On disk_full nothing has changed.
    void append(std::vector<Record> records, Durability durability, Then<Result<Appended>> then);
    // On disk.
    void append(std::vector<Record> records, Then<Result<Appended>> then) {
        append(std::move(records), Durability::power, std::move(then));
    }

    void read(std::uint64_t first, std::uint64_t limit, Then<Result<std::vector<Record>>> then);

    // Calls back when record `sequence` is there, or after `patience`.
    void await(std::uint64_t sequence, std::chrono::milliseconds patience, Task then);

    // Called each time that there are new records.
    void on_grown(Task hear) { grown_ = std::move(hear); }

    // All that wait are called back now.
    void release_waiters();

    // Between tries to make a checkpoint, while they fail: doubles up to this.
    static constexpr std::chrono::milliseconds max_checkpoint_pause{60'000};

    // Signs what is not signed yet, now: calls back with an error when that
    // did not work (no TPM, disk full, a signature that does not hold).
    void checkpoint(Then<Result<void>> then);

    // A clean copy that ends with a checkpoint of all its records (unsigned when
    // there is no TPM). The file has no name any more and goes with the descriptor.
    void export_copy(Then<Result<Fd>> then);

    // The signer has become usable.
    void signer_ready();

    // The verifier key line, when there is a key.
    [[nodiscard]] Result<std::string> verifier_key() const;

  private:
    struct Waiter {
        std::uint64_t sequence;
        Reactor::Timer timer;
        Task then;
    };
    enum Urgency : unsigned { normal = 0 };
    struct Queued {
        std::vector<Record> records;
        std::size_t count; // of them
        std::size_t bytes;
        Durability durability;
        Then<Result<Appended>> then; // null: was told already
    };
    // What a commit came to, on the writer's thread.
    struct Committed {
        Result<std::vector<Result<Appended>>> answers;
        Snapshot snapshot;
    };

    void commit_next();
    void committed(std::vector<Queued> group, Result<Committed> result);
    void answer(Queued &queued, Result<Appended> result);

    void publish(const Snapshot &snapshot);
    void wake_waiters(std::uint64_t below);
    void schedule_checkpoint();
    void periodic_checkpoint();
    void sign(const Head &head, Then<Result<std::string>> then);
    void sync(Then<Result<Head>> then);
    void keep_checkpoint(std::uint64_t size, std::string note, Then<Result<void>> then);
    void seal_export(const std::string &path, const Head &head, Then<Result<Fd>> then);
    [[nodiscard]] Snapshot take_snapshot() const; // on the writer's thread
    template <typename T, typename Work>
    void submit(Worker &worker, Work work, Then<Result<T>> then);

    Reactor &reactor_;
    const Log &log_;
    const Clock &clock_;
    Signer &signer_;
    ServiceOptions options_;
    Id128 boot_id_;
    Snapshot snapshot_;
    std::optional<Error> trouble_;
    Counts counts_;
    std::deque<Queued> queue_;
    std::size_t queued_bytes_ = 0;
    bool committing_ = false;
    std::list<Waiter> waiters_;
    Task grown_;
    Reactor::Timer checkpoint_timer_;
    bool checkpoint_scheduled_ = false;
    bool checkpoint_under_way_ = false;
    std::optional<Error> unsigned_because_;
    std::chrono::milliseconds checkpoint_pause_{0}; // until the next try: grows while they fail
    std::uint64_t exports_ = 0;
    std::unique_ptr<Ledger> ledger_;       // of the writer's thread, once started
    std::unique_ptr<LedgerReader> reader_; // of the reader's thread
    Worker writer_;                        // these last: they use the others
    Worker reader_worker_;
};

} // namespace dsmil::ledger
