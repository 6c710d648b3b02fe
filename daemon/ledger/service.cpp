// SPDX-License-Identifier: Apache-2.0
#include "ledger/service.hpp"

#include "ledger/checkpoint.hpp"
#include "ledger/critical.hpp"
#include "ledger/note.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <format>
#include <limits>
#include <memory>
#include <unistd.h>

namespace dsmil::ledger {
namespace {

constexpr std::string_view export_prefix = "export-";
constexpr std::chrono::milliseconds next_pruning{100}; // when there is more to prune

// Exports that a crash left behind.
void remove_old_exports(const std::string &state_dir) {
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(state_dir, error)) {
        if (entry.path().filename().string().starts_with(export_prefix)) {
            std::filesystem::remove(entry.path(), error);
        }
    }
}

Result<Fd> open_and_unlink(const std::string &path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ::unlink(path.c_str());
    if (!fd) {
        return fail_errno(Code::failed, std::format("opening the export {}", path), errno);
    }
    return fd;
}

// About what a record takes in memory.
std::size_t memory_of(const Record &record) {
    const auto of = [](const std::vector<Field> &fields) {
        std::size_t bytes = 0;
        for (const auto &field : fields) {
            const auto *text = std::get_if<std::string>(&field.value);
            const auto *raw = std::get_if<Bytes>(&field.value);
            bytes += sizeof(field) + field.name.size() + (text != nullptr ? text->size() : 0) +
                     (raw != nullptr ? raw->size() : 0);
        }
        return bytes;
    };
    return sizeof(record) + of(record.values) + of(record.context);
}

} // namespace

Service::Service(Reactor &reactor, const Log &log, const Clock &clock, Signer &signer, Notary *notary)
    : reactor_(reactor), log_(log), clock_(clock), signer_(signer), notary_(notary), boot_id_(boot_id()),
      checkpoint_timer_(reactor), retention_timer_(reactor), sealer_(log, clock, signer, notary),
      anchorer_(reactor, log, clock, notary, *this), writer_("dsmild-ledger"),
      reader_worker_("dsmild-reader") {}

Result<void> Service::start(ServiceOptions options) {
    options_ = std::move(options);
    remove_old_exports(options_.state_dir);
    auto ledger = Ledger::open(options_.ledger);
    if (!ledger) {
        return std::unexpected(std::move(ledger.error()));
    }
    ledger_ = std::make_unique<Ledger>(std::move(*ledger));
    auto reader = LedgerReader::open(options_.ledger.path);
    if (!reader) {
        return std::unexpected(std::move(reader.error()));
    }
    reader_ = std::make_unique<LedgerReader>(std::move(*reader));
    snapshot_ = take_snapshot();
    hear_of_reserve(true);
    schedule_retention(options_.retention_interval);
    anchorer_.configure(options_.anchors_per_day, options_.anchor_interval);
    watch_clock(
        clock_watch_.begin(clock_.boottime_ns(), clock_.realtime_ns(), ledger_->opened_realtime_ns()));
    if (!options_.cosign_key.empty()) {
        return sealer_.cosign_with(options_.cosign_key, snapshot_.origin);
    }
    return {};
}

bool Service::stop(std::chrono::milliseconds patience) {
    checkpoint_timer_.cancel();
    retention_timer_.cancel();
    waiters_.clear();
    const bool reader_done = reader_worker_.stop(patience);
    return writer_.stop(patience) && reader_done;
}

Snapshot Service::take_snapshot() const {
    return {
        ledger_->head(),  ledger_->origin(),     ledger_->last_checkpoint(), ledger_->last_checkpoint_size(),
        ledger_->first(), ledger_->has_reserve()};
}

Record Service::own_record(std::string action, std::string outcome) const {
    Record record;
    record.boottime_ns = clock_.boottime_ns();
    record.realtime_ns = clock_.realtime_ns();
    record.boot_id = boot_id_;
    record.source = "dsmild";
    record.action = std::move(action);
    record.outcome = std::move(outcome);
    return record;
}

void Service::watch_clock(std::optional<std::chrono::nanoseconds> back) {
    if (back) {
        const auto seconds = std::chrono::floor<std::chrono::seconds>(*back);
        notice("clock_went_back", std::format("the clock that dates the records went back by {}", seconds));
    }
}

void Service::append(std::vector<Record> records, Durability durability, Then<Result<Appended>> then) {
    watch_clock(clock_watch_.look(clock_.boottime_ns(), clock_.realtime_ns()));
    std::size_t bytes = 0;
    for (const auto &record : records) {
        bytes += memory_of(record);
    }
    if (queued_bytes_ > 0 && queued_bytes_ + bytes > max_queued_bytes) {
        reactor_.post([then = std::move(then)]() mutable {
            then(fail(Code::try_again, "too many records wait for the disk"));
        });
        return;
    }
    if (durability == Durability::none) {
        counts_.acknowledged.at(0) += records.size();
        reactor_.post([then = std::move(then), count = records.size()]() mutable {
            then(Appended{.records = count, .duplicates = 0, .durability = Durability::none});
        });
        then = nullptr;
    }
    queued_bytes_ += bytes;
    const std::size_t count = records.size();
    const bool critical = std::ranges::any_of(records, is_critical);
    queue_.push_back({std::move(records), count, bytes, critical, durability, std::move(then)});
    if (!committing_) {
        commit_next();
    }
}

// Nobody is kept waiting for company: what came during a commit is the next one.
void Service::commit_next() {
    std::vector<Queued> group;
    Group records;
    Durability durability = Durability::process;
    const bool critical =
        !queue_.empty() && queue_.front().critical; // of one kind: there may be room for one only
    for (std::size_t bytes = 0; !queue_.empty() && queue_.front().critical == critical &&
                                (bytes == 0 || bytes + queue_.front().bytes <= max_group_bytes);) {
        Queued &next = queue_.front();
        bytes += next.bytes;
        durability = std::max(durability, next.durability);
        records.push_back(std::move(next.records));
        group.push_back(std::move(next));
        queue_.pop_front();
    }
    committing_ = !group.empty();
    if (!committing_) {
        return;
    }
    submit<Committed>(
        writer_,
        [this, records = std::move(records), durability, critical]() mutable -> Result<Committed> {
            auto answers = ledger_->append_group(std::move(records), durability, critical);
            return Committed{std::move(answers), take_snapshot()};
        },
        [this, group = std::move(group)](Result<Committed> result) mutable {
            committed(std::move(group), std::move(result));
        });
}

void Service::committed(std::vector<Queued> group, Result<Committed> result) {
    auto answers = result ? std::move(result->answers) : std::unexpected(std::move(result.error()));
    critical_ = critical_ || (answers && std::ranges::any_of(group, &Queued::critical));
    if (result) {
        const bool had_reserve = snapshot_.has_reserve;
        publish(result->snapshot);
        trouble_ = answers ? std::nullopt : std::optional(answers.error());
        hear_of_reserve(had_reserve);
    }
    counts_.commits += answers ? 1 : 0;
    for (std::size_t i = 0; i < group.size(); i++) {
        queued_bytes_ -= group[i].bytes;
        answer(group[i], answers ? std::move((*answers)[i]) : std::unexpected(answers.error()));
    }
    commit_next();
}

// That the disk is full is in the ledger itself: the reserve has room for it.
void Service::hear_of_reserve(bool had) {
    if (!snapshot_.has_reserve && !trouble_) {
        trouble_ = Error{Code::disk_full, "what room is left is kept for what matters to security", {}};
    }
    if (had && !snapshot_.has_reserve) {
        notice("disk_full", "what room is left is kept for what matters to security");
    } else if (!had && snapshot_.has_reserve) {
        notice("disk_free", "there is room for everything again");
    }
}

void Service::answer(Queued &queued, Result<Appended> result) {
    if (!queued.then) {
        counts_.lost += result ? 0 : queued.count;
        return;
    }
    if (result) {
        result->durability = queued.durability;
        counts_.acknowledged.at(static_cast<std::size_t>(queued.durability)) += result->records;
    }
    queued.then(std::move(result));
}

void Service::publish(const Snapshot &snapshot) {
    const bool grown = snapshot.head.size > snapshot_.head.size;
    snapshot_ = snapshot;
    wake_waiters(snapshot_.head.size);
    schedule_checkpoint();
    if (grown && grown_) {
        grown_();
    }
    if (changed_) {
        changed_();
    }
}

void Service::release_waiters() {
    wake_waiters(std::numeric_limits<std::uint64_t>::max());
}

void Service::wake_waiters(std::uint64_t below) {
    std::vector<Task> ready;
    std::erase_if(waiters_, [&](Waiter &waiter) {
        if (waiter.sequence >= below) {
            return false;
        }
        ready.push_back(std::move(waiter.then));
        return true;
    });
    for (Task &task : ready) { // Only now: a task may wait again.
        task();
    }
}

void Service::read(std::uint64_t first, std::uint64_t limit, Then<Result<std::vector<Record>>> then) {
    submit<std::vector<Record>>(
        reader_worker_, [this, first, limit] { return reader_->records(first, std::min(limit, max_read)); },
        std::move(then));
}

void Service::search(Query query, std::uint64_t first, std::uint64_t limit, Then<Result<Found>> then) {
    submit<Found>(
        reader_worker_,
        [this, query = std::move(query), first, limit] {
            return reader_->search(query, first, std::min(limit, max_read));
        },
        std::move(then));
}

void Service::await(std::uint64_t sequence, std::chrono::milliseconds patience, Task then) {
    if (sequence < snapshot_.head.size || patience.count() == 0 || waiters_.size() >= max_waiters) {
        reactor_.post(std::move(then));
        return;
    }
    waiters_.push_back({sequence, Reactor::Timer(reactor_), std::move(then)});
    const auto place = std::prev(waiters_.end());
    place->timer.start(patience, [this, place] {
        Task task = std::move(place->then);
        waiters_.erase(place);
        task();
    });
}

void Service::schedule_checkpoint() {
    if (checkpoint_under_way_ || snapshot_.head.size <= snapshot_.checkpoint_size || !signer_.public_key()) {
        return;
    }
    // While they fail, what is critical waits for the next try like everything else.
    const bool at_once = critical_ && checkpoint_pause_.count() == 0;
    if (at_once) {
        // One that waits for its interval is made now.
        const std::chrono::nanoseconds since(clock_.boottime_ns() - last_checkpoint_ns_);
        const auto rest = std::chrono::ceil<std::chrono::milliseconds>(critical_interval - since);
        checkpoint_timer_.start(std::clamp(rest, std::chrono::milliseconds(0), critical_interval),
                                [this] { periodic_checkpoint(); });
    } else if (!checkpoint_scheduled_) {
        checkpoint_timer_.start(std::max(options_.checkpoint_interval, checkpoint_pause_),
                                [this] { periodic_checkpoint(); });
    }
    checkpoint_scheduled_ = true;
}

void Service::signer_ready() {
    if (checkpoint_pause_.count() != 0 && !checkpoint_under_way_) { // The next try need not wait any more.
        checkpoint_pause_ = {};
        checkpoint_timer_.cancel();
        checkpoint_scheduled_ = false;
    }
    schedule_checkpoint();
    anchorer_.notary_ready();
}

void Service::periodic_checkpoint() {
    checkpoint_under_way_ = true;
    const bool critical = std::exchange(critical_, false);
    checkpoint(critical ? Occasion::critical : Occasion::interval, [this, critical](Result<void> result) {
        checkpoint_scheduled_ = false;
        checkpoint_under_way_ = false;
        critical_ = critical_ || (critical && !result);
        if (!result && !unsigned_because_) {
            log_.write_error(LogLevel::warning, "checkpoint_failed", result.error());
        }
        unsigned_because_ = result ? std::nullopt : std::optional(result.error());
        checkpoint_pause_ = result ? std::chrono::milliseconds(0)
                                   : std::min(std::max(options_.checkpoint_interval, checkpoint_pause_) * 2,
                                              max_checkpoint_pause);
        schedule_checkpoint(); // for what came in the meantime
    });
}

void Service::checkpoint(Occasion occasion, Then<Result<void>> then) {
    if (snapshot_.head.size <= snapshot_.checkpoint_size) {
        then({});
        return;
    }
    const std::chrono::nanoseconds since(clock_.boottime_ns() - last_evidence_ns_);
    const bool evidence = occasion != Occasion::interval || since >= options_.evidence_interval;
    sync([this, evidence, occasion, then = std::move(then)](Result<Head> head) mutable {
        if (!head) {
            then(std::unexpected(std::move(head.error())));
            return;
        }
        sealer_.draft({snapshot_.origin, head->size, head->root}, evidence,
                      [this, occasion, then = std::move(then)](Result<Draft> drafted) mutable {
                          if (!drafted) {
                              then(std::unexpected(std::move(drafted.error())));
                              return;
                          }
                          keep_checkpoint(std::move(*drafted), occasion, std::move(then));
                      });
    });
}

// Only what the disk has may be signed.
void Service::sync(Then<Result<Head>> then) {
    submit<Head>(
        writer_,
        [this]() -> Result<Head> {
            auto synced = ledger_->sync();
            return synced ? Result<Head>(ledger_->head())
                          : std::unexpected(std::move(synced.error()).in("writing the ledger to the disk"));
        },
        std::move(then));
}

void Service::keep_checkpoint(Draft draft, Occasion occasion, Then<Result<void>> then) {
    const bool evidence = draft.evidence;
    submit<Snapshot>(
        writer_,
        [this, draft = std::move(draft)]() -> Result<Snapshot> {
            const auto note = sealer_.finish(draft);
            if (!note) {
                return std::unexpected(note.error());
            }
            if (auto kept = ledger_->add_checkpoint(draft.checkpoint.size, *note, draft.quote); !kept) {
                return std::unexpected(std::move(kept.error()).in("keeping a checkpoint"));
            }
            return take_snapshot();
        },
        [this, evidence, occasion, then = std::move(then)](Result<Snapshot> snapshot) mutable {
            if (!snapshot) {
                then(std::unexpected(std::move(snapshot.error())));
                return;
            }
            last_checkpoint_ns_ = clock_.boottime_ns();
            last_evidence_ns_ = evidence ? last_checkpoint_ns_ : last_evidence_ns_;
            publish(*snapshot);
            anchorer_.checkpointed(occasion == Occasion::critical);
            then({});
        });
}

void Service::prune(const Retention &policy, Record record, Then<Result<Pruned>> then) {
    if (!signer_.public_key()) {
        reactor_.post([then = std::move(then)]() mutable {
            then(fail(Code::tpm_missing, "no key signs the ledger, and only what is signed may go"));
        });
        return;
    }
    struct Done {
        Pruned pruned;
        Snapshot snapshot;
    };
    submit<Done>(
        writer_,
        [this, policy, record = std::move(record)]() mutable -> Result<Done> {
            return ledger_->prune(policy, std::move(record)).transform([this](const Pruned &pruned) {
                return Done{pruned, take_snapshot()};
            });
        },
        [this, then = std::move(then)](Result<Done> done) mutable {
            if (!done) {
                then(std::unexpected(std::move(done.error()).in("pruning the ledger")));
                return;
            }
            publish(done->snapshot);
            then(done->pruned);
        });
}

void Service::schedule_retention(std::chrono::milliseconds delay) {
    if (options_.keep_for.count() != 0 || options_.keep_records != 0) {
        retention_timer_.start(delay, [this] { keep_to_policy(); });
    }
}

// A part at a time, so that records need not wait long for the disk.
void Service::keep_to_policy() {
    Retention policy;
    if (options_.keep_for.count() != 0) {
        const auto age = static_cast<std::uint64_t>(std::chrono::nanoseconds(options_.keep_for).count());
        policy.before_ns = std::max(clock_.realtime_ns(), age) - age;
    }
    if (options_.keep_records != 0) {
        policy.keep_records = options_.keep_records;
    }
    prune(policy, own_record(std::string(pruned_action), "ok"), [this](const Result<Pruned> &pruned) {
        if (!pruned) {
            log_.write_error(LogLevel::warning, "pruning_failed", pruned.error());
        }
        schedule_retention(pruned && pruned->more ? next_pruning : options_.retention_interval);
    });
}

void Service::close(Then<Result<void>> then) {
    checkpoint(Occasion::closing, [this, then = std::move(then)](Result<void> result) mutable {
        anchorer_.close(
            [then = std::move(then), result = std::move(result)]() mutable { then(std::move(result)); });
    });
}

void Service::certify_anchors(Bytes nonce, Then<Result<AnchorEvidence>> then) {
    if (notary_ == nullptr) {
        then(fail(Code::tpm_missing, "nothing remembers the ledger"));
        return;
    }
    notary_->certify(std::move(nonce), std::move(then));
}

void Service::read_book(std::uint64_t since_ns, std::size_t limit, Then<Result<AnchorBook>> then) {
    submit<AnchorBook>(
        writer_, [this, since_ns, limit] { return ledger_->read_anchors(since_ns, limit); }, std::move(then));
}

void Service::begin_anchor(std::uint64_t at_ns, AnchorReason reason, const Hash &before,
                           Then<Result<Anchor>> then) {
    submit<Anchor>(
        writer_, [this, at_ns, reason, before] { return ledger_->begin_anchor(at_ns, reason, before); },
        std::move(then));
}

void Service::end_anchor(std::uint64_t id, std::uint64_t count, Then<Result<void>> then) {
    submit<void>(writer_, [this, id, count] { return ledger_->end_anchor(id, count); }, std::move(then));
}

void Service::notice(std::string action, std::string detail) {
    Record record = own_record(std::move(action), "noticed");
    record.context.push_back({"detail", std::move(detail)});
    std::vector<Record> records;
    records.push_back(std::move(record));
    append(std::move(records), [this](const Result<Appended> &kept) {
        if (!kept) {
            log_.write_error(LogLevel::error, "ledger_append_failed", kept.error());
        }
    });
}

void Service::export_copy(Then<Result<Fd>> then) {
    const std::string path = std::format("{}/{}{}.db", options_.state_dir, export_prefix, exports_++);
    submit<Head>(
        reader_worker_,
        [this, path] {
            auto head = reader_->copy_to(path);
            if (!head) {
                ::unlink(path.c_str());
            }
            return head;
        },
        [this, path, then = std::move(then)](Result<Head> copied) mutable {
            if (!copied) {
                then(std::unexpected(std::move(copied.error())));
                return;
            }
            sync([this, path, head = *copied, then = std::move(then)](Result<Head> synced) mutable {
                if (!synced) {
                    ::unlink(path.c_str());
                    then(std::unexpected(std::move(synced.error())));
                    return;
                }
                seal_export(path, head, std::move(then));
            });
        });
}

void Service::seal_export(const std::string &path, const Head &head, Then<Result<Fd>> then) {
    sealer_.draft(
        {snapshot_.origin, head.size, head.root}, true,
        [this, path, then = std::move(then)](Result<Draft> drafted) mutable {
            // Without a TPM the copy is as unsigned as the ledger itself, and verification will say so.
            const bool no_signer = !drafted && drafted.error().code == Code::tpm_missing;
            if (!drafted && !no_signer) {
                ::unlink(path.c_str());
                then(std::unexpected(std::move(drafted.error())));
                return;
            }
            submit<Fd>(
                reader_worker_,
                [this, path,
                 draft = drafted ? std::optional(std::move(*drafted)) : std::nullopt]() -> Result<Fd> {
                    auto sealed = draft ? sealer_.finish(*draft).and_then([&](const std::string &note) {
                        return seal_copy(path, draft->checkpoint.size, note, draft->quote);
                    })
                                        : Result<void>{};
                    auto fd = open_and_unlink(path);
                    if (!sealed) {
                        return std::unexpected(std::move(sealed.error()).in("sealing the export"));
                    }
                    return fd;
                },
                std::move(then));
        });
}

Result<std::string> Service::verifier_key() const {
    return sealer_.key(snapshot_.origin).transform([](const VerifierKey &key) { return key.text(); });
}

} // namespace dsmil::ledger
