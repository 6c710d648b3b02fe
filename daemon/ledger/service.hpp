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
#include "ledger/anchorer.hpp"
#include "ledger/clock_watch.hpp"
#include "ledger/export.hpp"
#include "ledger/ledger.hpp"
#include "ledger/sealer.hpp"
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
    std::uint64_t first = 0; // record that was not pruned
    bool has_reserve = true; // of room on the disk
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
    // What is kept; 0: everything.
    std::chrono::days keep_for{0};
    std::uint64_t keep_records = 0;
    std::chrono::milliseconds retention_interval{3'600'000};
    // Between checkpoints that are cosigned and quoted, too.
    std::chrono::milliseconds evidence_interval{60'000};
    std::string cosign_key; // a PEM file, made when it is not there; empty: no cosignature
    // Of checkpoints in the TPM, whose memory wears out.
    unsigned anchors_per_day = 0; // 0: none
    std::chrono::milliseconds anchor_interval{600'000};
};

// Why a checkpoint is made.
enum class Occasion : std::uint8_t { interval, critical, closing };

class Service final : private AnchorStore {
  public:
    // Critical records are signed at once, and however many there are, not more
    // often than this.
    static constexpr std::chrono::milliseconds critical_interval{1'000};
    static constexpr std::uint64_t max_read = 1'000; // records in one read()
    static constexpr std::size_t max_waiters = 64;
    // What waits for the disk; more is refused (try_again). What comes while the
    // disk is busy shares the next commit, up to this much in each.
    static constexpr std::size_t max_queued_bytes = 8U << 20U;
    static constexpr std::size_t max_group_bytes = 2U << 20U;

    // Without a notary there are no quotes.
    Service(Reactor &reactor, const Log &log, const Clock &clock, Signer &signer, Notary *notary = nullptr);

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

    // One page of a search, see LedgerReader::search(); at most max_read records.
    void search(Query query, std::uint64_t first, std::uint64_t limit, Then<Result<Found>> then);

    // Calls back when record `sequence` is there, or after `patience`.
    void await(std::uint64_t sequence, std::chrono::milliseconds patience, Task then);

    // Called each time that there are new records.
    void on_grown(Task hear) { grown_ = std::move(hear); }

    // Called each time that there are new records, a new checkpoint, or fewer old records.
    void on_change(Task hear) { changed_ = std::move(hear); }

    // All that wait are called back now.
    void release_waiters();

    // Between tries to make a checkpoint, while they fail: doubles up to this.
    static constexpr std::chrono::milliseconds max_checkpoint_pause{60'000};

    // Signs what is not signed yet, now: calls back with an error when that
    // did not work (no TPM, disk full, a signature that does not hold).
    void checkpoint(Occasion occasion, Then<Result<void>> then);
    // The same for the end, and anchors it.
    void close(Then<Result<void>> then);

    // What the TPM remembers.
    [[nodiscard]] const Anchorer &anchors() const { return anchorer_; }
    // See Notary::certify(); tpm_missing without one.
    void certify_anchors(Bytes nonce, Then<Result<AnchorEvidence>> then);
    void adopt_anchors(Then<Result<void>> then) { anchorer_.adopt(std::move(then)); }

    // Forgets old records (see retention.hpp) and appends `record` with what that was.
    // tpm_missing when no key signs the ledger: only what is signed may go.
    void prune(const Retention &policy, Record record, Then<Result<Pruned>> then);

    // A clean copy that ends with a checkpoint of all its records (unsigned when
    // there is no TPM). The file has no name any more and goes with the descriptor.
    void export_copy(Then<Result<Fd>> then);

    // The signer has become usable.
    void signer_ready();

    // The verifier key line, when there is a key.
    [[nodiscard]] Result<std::string> verifier_key() const;
    // That of the cosignatures; nothing when there are none.
    [[nodiscard]] std::optional<std::string> cosigner_key() const { return sealer_.cosigner_key(); }

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
        bool critical;
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
    void hear_of_reserve(bool had);
    void watch_clock(std::optional<std::chrono::nanoseconds> back);

    void schedule_retention(std::chrono::milliseconds delay);
    void keep_to_policy();
    void publish(const Snapshot &snapshot);
    void wake_waiters(std::uint64_t below);
    void schedule_checkpoint();
    void periodic_checkpoint();
    void sync(Then<Result<Head>> then);
    void keep_checkpoint(Draft draft, Occasion occasion, Then<Result<void>> then);
    // AnchorStore
    void read_book(std::uint64_t since_ns, std::size_t limit, Then<Result<AnchorBook>> then) override;
    void begin_anchor(std::uint64_t at_ns, AnchorReason reason, const Hash &before,
                      Then<Result<Anchor>> then) override;
    void end_anchor(std::uint64_t id, std::uint64_t count, Then<Result<void>> then) override;
    [[nodiscard]] std::uint64_t signed_size() const override { return snapshot_.checkpoint_size; }
    void notice(std::string action, std::string detail) override;
    void seal_export(const std::string &path, const Head &head, Then<Result<Fd>> then);
    [[nodiscard]] Snapshot take_snapshot() const; // on the writer's thread
    template <typename T, typename Work>
    void submit(Worker &worker, Work work, Then<Result<T>> then);

    Reactor &reactor_;
    const Log &log_;
    const Clock &clock_;
    Signer &signer_;
    Notary *notary_;
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
    Task changed_;
    Reactor::Timer checkpoint_timer_;
    Reactor::Timer retention_timer_;
    bool checkpoint_scheduled_ = false;
    bool checkpoint_under_way_ = false;
    std::optional<Error> unsigned_because_;
    std::chrono::milliseconds checkpoint_pause_{0}; // until the next try: grows while they fail
    bool critical_ = false;                         // a record waits to be signed at once
    std::uint64_t last_checkpoint_ns_ = 0;          // CLOCK_BOOTTIME
    std::uint64_t last_evidence_ns_ = 0;            // likewise
    ClockWatch clock_watch_;
    Sealer sealer_;
    Anchorer anchorer_;
    std::uint64_t exports_ = 0;
    std::unique_ptr<Ledger> ledger_;       // of the writer's thread, once started
    std::unique_ptr<LedgerReader> reader_; // of the reader's thread
    Worker writer_;                        // these last: they use the others
    Worker reader_worker_;
};

template <typename T, typename Work>
void Service::submit(Worker &worker, Work work, Then<Result<T>> then) {
    // Shared, because the task may be refused, and then the caller hears of it here.
    const auto answer = std::make_shared<Then<Result<T>>>(std::move(then));
    const bool taken = worker.submit(normal, [this, work = std::move(work), answer]() mutable {
        Result<T> result = work();
        reactor_.post([answer, result = std::move(result)]() mutable { (*answer)(std::move(result)); });
    });
    if (!taken) {
        reactor_.post([answer] { (*answer)(fail(Code::try_again, "too much work waits for the ledger")); });
    }
}

} // namespace dsmil::ledger
