// SPDX-License-Identifier: Apache-2.0
#include "ledger/service.hpp"

#include "ledger/checkpoint.hpp"
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
    queue_.push_back({std::move(records), count, bytes, durability, std::move(then)});
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
    const bool grown = snapshot.head.size > snapshot_.head.size;
    snapshot_ = snapshot;
    wake_waiters(snapshot_.head.size);
    schedule_checkpoint();
    if (grown && grown_) {
        grown_();
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
    if (checkpoint_scheduled_ || snapshot_.head.size <= snapshot_.checkpoint_size || !signer_.public_key()) {
        return;
    }
    checkpoint_scheduled_ = true;
    checkpoint_timer_.start(std::max(options_.checkpoint_interval, checkpoint_pause_),
                            [this] { periodic_checkpoint(); });
}

void Service::signer_ready() {
    if (checkpoint_pause_.count() != 0 && !checkpoint_under_way_) { // The next try need not wait any more.
        checkpoint_pause_ = {};
        checkpoint_timer_.cancel();
        checkpoint_scheduled_ = false;
    }
    schedule_checkpoint();
}

void Service::periodic_checkpoint() {
    checkpoint_under_way_ = true;
    checkpoint([this](Result<void> result) {
        checkpoint_scheduled_ = false;
        checkpoint_under_way_ = false;
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

void Service::checkpoint(Then<Result<void>> then) {
    if (snapshot_.head.size <= snapshot_.checkpoint_size) {
        then({});
        return;
    }
    sync([this, then = std::move(then)](Result<Head> head) mutable {
        if (!head) {
            then(std::unexpected(std::move(head.error())));
            return;
        }
        sign(*head, [this, size = head->size, then = std::move(then)](Result<std::string> note) mutable {
            if (!note) {
                then(std::unexpected(std::move(note.error())));
                return;
            }
            keep_checkpoint(size, std::move(*note), std::move(then));
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

void Service::sign(const Head &head, Then<Result<std::string>> then) {
    const auto spki = signer_.public_key();
    auto key = spki ? VerifierKey::ecdsa(snapshot_.origin, *spki)
                    : Result<VerifierKey>(fail(Code::tpm_missing, "no key signs the ledger"));
    if (!key) {
        then(std::unexpected(std::move(key.error())));
        return;
    }
    std::string text = Checkpoint{snapshot_.origin, head.size, head.root}.text();
    const Hash digest = sha256(as_bytes(text));
    signer_.sign(digest, [key = std::move(*key), text = std::move(text),
                          then = std::move(then)](Result<Bytes> signature) mutable {
        if (!signature) {
            then(std::unexpected(std::move(signature.error()).in("signing a checkpoint")));
            return;
        }
        const Note note{std::move(text), {{key.name, key.id, std::move(*signature)}}};
        // The key may have become another while it was signed, and a signature may be wrong.
        if (verify(note, key) != NoteVerdict::signed_by_key) {
            then(fail(Code::tpm_failed, "signing a checkpoint: the signature is not the key's"));
            return;
        }
        then(note.format());
    });
}

void Service::keep_checkpoint(std::uint64_t size, std::string note, Then<Result<void>> then) {
    submit<Snapshot>(
        writer_,
        [this, size, note = std::move(note)]() -> Result<Snapshot> {
            if (auto kept = ledger_->add_checkpoint(size, note); !kept) {
                return std::unexpected(std::move(kept.error()).in("keeping a checkpoint"));
            }
            return take_snapshot();
        },
        [this, then = std::move(then)](Result<Snapshot> snapshot) mutable {
            if (!snapshot) {
                then(std::unexpected(std::move(snapshot.error())));
                return;
            }
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
    sign(head, [this, path, size = head.size, then = std::move(then)](Result<std::string> note) mutable {
        // Without a TPM the copy is as unsigned as the ledger itself, and verification will say so.
        const bool no_signer = !note && note.error().code == Code::tpm_missing;
        if (!note && !no_signer) {
            ::unlink(path.c_str());
            then(std::unexpected(std::move(note.error())));
            return;
        }
        submit<Fd>(
            reader_worker_,
            [path, size, note = note.value_or("")]() -> Result<Fd> {
                auto sealed = note.empty() ? Result<void>{} : seal_copy(path, size, note);
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

} // namespace dsmil::ledger
