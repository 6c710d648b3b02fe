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
constexpr std::uint64_t ns_per_s = 1'000'000'000;

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

Service::Service(Reactor &reactor, const Log &log, const Clock &clock, Signer &signer)
    : reactor_(reactor), log_(log), clock_(clock), signer_(signer), boot_id_(boot_id()),
      checkpoint_timer_(reactor), writer_("dsmild-ledger"), reader_worker_("dsmild-reader") {}

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
    if (!options_.cosign_key.empty()) {
        auto cosigner = Cosigner::open(options_.cosign_key, snapshot_.origin);
        if (!cosigner) {
            return std::unexpected(std::move(cosigner.error()));
        }
        cosigner_ = std::move(*cosigner);
    }
    return {};
}

bool Service::stop(std::chrono::milliseconds patience) {
    checkpoint_timer_.cancel();
    waiters_.clear();
    const bool reader_done = reader_worker_.stop(patience);
    return writer_.stop(patience) && reader_done;
}

Snapshot Service::take_snapshot() const {
    return {ledger_->head(), ledger_->origin(), ledger_->last_checkpoint(), ledger_->last_checkpoint_size()};
}

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

void Service::append(std::vector<Record> records, Durability durability, Then<Result<Appended>> then) {
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
    for (std::size_t bytes = 0;
         !queue_.empty() && (bytes == 0 || bytes + queue_.front().bytes <= max_group_bytes);) {
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
        [this, records = std::move(records), durability]() mutable -> Result<Committed> {
            auto answers = ledger_->append_group(std::move(records), durability);
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
        publish(result->snapshot);
        trouble_ = answers ? std::nullopt : std::optional(answers.error());
    }
    counts_.commits += answers ? 1 : 0;
    for (std::size_t i = 0; i < group.size(); i++) {
        queued_bytes_ -= group[i].bytes;
        answer(group[i], answers ? std::move((*answers)[i]) : std::unexpected(answers.error()));
    }
    commit_next();
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
    snapshot_ = snapshot;
    wake_waiters(snapshot_.head.size);
    schedule_checkpoint();
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
    if (checkpoint_running_ || snapshot_.head.size <= snapshot_.checkpoint_size || !signer_.public_key()) {
        return;
    }
    if (critical_) {
        // One that waits for its interval is made now.
        const std::chrono::nanoseconds since(clock_.boottime_ns() - last_checkpoint_ns_);
        const auto rest = std::chrono::ceil<std::chrono::milliseconds>(critical_interval - since);
        checkpoint_timer_.start(std::clamp(rest, std::chrono::milliseconds(0), critical_interval),
                                [this] { periodic_checkpoint(); });
    } else if (!checkpoint_scheduled_) {
        checkpoint_timer_.start(options_.checkpoint_interval, [this] { periodic_checkpoint(); });
    }
    checkpoint_scheduled_ = true;
}

void Service::periodic_checkpoint() {
    checkpoint_running_ = true;
    const auto occasion = std::exchange(critical_, false) ? Occasion::critical : Occasion::interval;
    checkpoint(occasion, [this](Result<void> result) {
        checkpoint_scheduled_ = false;
        checkpoint_running_ = false;
        if (!result && !checkpoint_failed_) {
            log_.write_error(LogLevel::warning, "checkpoint_failed", result.error());
        }
        checkpoint_failed_ = !result;
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
    sync([this, evidence, then = std::move(then)](Result<Head> head) mutable {
        if (!head) {
            then(std::unexpected(std::move(head.error())));
            return;
        }
        draft_checkpoint(*head, evidence, [this, then = std::move(then)](Result<Draft> drafted) mutable {
            if (!drafted) {
                then(std::unexpected(std::move(drafted.error())));
                return;
            }
            keep_checkpoint(std::move(*drafted), std::move(then));
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

void Service::draft_checkpoint(const Head &head, bool evidence, Then<Result<Draft>> then) {
    const auto spki = signer_.public_key();
    auto key = spki ? VerifierKey::ecdsa(snapshot_.origin, *spki)
                    : Result<VerifierKey>(fail(Code::tpm_missing, "no key signs the ledger"));
    if (!key) {
        then(std::unexpected(std::move(key.error())));
        return;
    }
    Draft draft{.checkpoint = {snapshot_.origin, head.size, head.root},
                .note = {},
                .evidence = evidence,
                .quote = {}};
    draft.note.text = draft.checkpoint.text();
    const Hash digest = sha256(as_bytes(draft.note.text));
    signer_.sign(digest, [this, key = std::move(*key), draft = std::move(draft),
                          then = std::move(then)](Result<Bytes> signature) mutable {
        if (!signature) {
            then(std::unexpected(std::move(signature.error()).in("signing a checkpoint")));
            return;
        }
        draft.note.signatures.push_back({key.name, key.id, std::move(*signature)});
        if (draft.evidence) {
            add_quote(std::move(draft), std::move(then));
        } else {
            then(std::move(draft));
        }
    });
}

// A checkpoint without a quote is better than none: the failure is told once.
void Service::add_quote(Draft draft, Then<Result<Draft>> then) {
    const Hash digest = sha256(as_bytes(draft.note.text));
    signer_.quote(digest,
                  [this, draft = std::move(draft), then = std::move(then)](Result<Quote> quote) mutable {
                      const bool failed = !quote && quote.error().code != Code::tpm_missing;
                      if (failed && !quote_failed_) {
                          log_.write_error(LogLevel::warning, "checkpoint_quote_failed", quote.error());
                      }
                      quote_failed_ = failed;
                      if (quote) {
                          draft.quote = std::move(*quote);
                      }
                      then(std::move(draft));
                  });
}

Result<std::string> Service::finish(const Draft &draft) const {
    Note note = draft.note;
    if (draft.evidence && cosigner_) {
        auto cosignature = cosigner_->sign(draft.checkpoint, clock_.realtime_ns() / ns_per_s);
        if (!cosignature) {
            return std::unexpected(std::move(cosignature.error()).in("cosigning a checkpoint"));
        }
        note.signatures.push_back(std::move(*cosignature));
    }
    return note.format();
}

void Service::keep_checkpoint(Draft draft, Then<Result<void>> then) {
    const bool evidence = draft.evidence;
    submit<Snapshot>(
        writer_,
        [this, draft = std::move(draft)]() -> Result<Snapshot> {
            const auto note = finish(draft);
            if (!note) {
                return std::unexpected(note.error());
            }
            if (auto kept = ledger_->add_checkpoint(draft.checkpoint.size, *note, draft.quote); !kept) {
                return std::unexpected(std::move(kept.error()).in("keeping a checkpoint"));
            }
            return take_snapshot();
        },
        [this, evidence, then = std::move(then)](Result<Snapshot> snapshot) mutable {
            if (!snapshot) {
                then(std::unexpected(std::move(snapshot.error())));
                return;
            }
            last_checkpoint_ns_ = clock_.boottime_ns();
            last_evidence_ns_ = evidence ? last_checkpoint_ns_ : last_evidence_ns_;
            publish(*snapshot);
            then({});
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
    draft_checkpoint(head, true, [this, path, then = std::move(then)](Result<Draft> drafted) mutable {
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
                auto sealed = draft ? finish(*draft).and_then([&](const std::string &note) {
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
    const auto spki = signer_.public_key();
    if (!spki) {
        return fail(Code::tpm_missing, "no key signs the ledger");
    }
    return VerifierKey::ecdsa(snapshot_.origin, *spki).transform([](const VerifierKey &key) {
        return key.text();
    });
}

std::optional<std::string> Service::cosigner_key() const {
    return cosigner_ ? std::optional(cosigner_->key().text()) : std::nullopt;
}

} // namespace dsmil::ledger
