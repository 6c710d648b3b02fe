// SPDX-License-Identifier: Apache-2.0
#include "ledger/anchorer.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <utility>
#include <vector>

namespace dsmil::ledger {
namespace {

constexpr std::chrono::nanoseconds day = std::chrono::hours(24);

std::string text_of(const AnchorMemory &memory) {
    return memory.count ? std::format("the TPM counted {}", *memory.count) : "the TPM counted none";
}

} // namespace

std::string_view name_of(AnchorState state) {
    constexpr std::array<std::string_view, 6> names = {"off",         "waiting", "kept",
                                                       "rolled_back", "lost",    "differs"};
    return names.at(static_cast<std::size_t>(state));
}

Anchorer::Anchorer(Reactor &reactor, const Log &log, const Clock &clock, Notary *notary, AnchorStore &store)
    : log_(log), clock_(clock), notary_(notary), store_(store), timer_(reactor), retry_timer_(reactor) {}

void Anchorer::configure(unsigned per_day, std::chrono::milliseconds interval) {
    budget_ = WearBudget(per_day);
    interval_ = interval;
    state_ = notary_ != nullptr && per_day > 0 ? AnchorState::waiting : AnchorState::off;
}

void Anchorer::notary_ready() {
    if (busy_ || (state_ != AnchorState::waiting && state_ != AnchorState::kept)) {
        return;
    }
    retry_timer_.cancel();
    look();
}

void Anchorer::look() {
    busy_ = true;
    const std::uint64_t realtime = clock_.realtime_ns();
    const auto back = static_cast<std::uint64_t>(day.count());
    store_.read_book(realtime > back ? realtime - back : 0, budget_.per_day(),
                     [this](Result<AnchorBook> book) {
                         if (!book && book.error().code == Code::tampered) {
                             contradict(AnchorState::differs, book.error().detail);
                             return;
                         }
                         if (!book) {
                             trouble(std::move(book.error()));
                             return;
                         }
                         notary_->recall([this, book = std::move(*book)](Result<AnchorMemory> memory) {
                             if (!memory) {
                                 trouble(std::move(memory.error()));
                                 return;
                             }
                             judge(book, *memory);
                         });
                     });
}

void Anchorer::judge(const AnchorBook &book, const AnchorMemory &memory) {
    if (!std::exchange(looked_, true)) {
        // A time to come is of a clock that was set back since: it counts as now.
        std::vector<SteadyTime> past;
        for (const std::uint64_t at : book.times) {
            const std::uint64_t realtime = clock_.realtime_ns();
            past.push_back(now() - std::chrono::nanoseconds(realtime > at ? realtime - at : 0));
        }
        std::ranges::sort(past);
        budget_.remember(past);
        last_at_ = past.empty() ? last_at_ : past.back();
    }
    last_ = book.last && book.last->count ? book.last : book.previous;
    const auto finding = compare(book.previous, book.last, memory);
    switch (finding) {
    case AnchorFinding::fresh:
        notary_->prepare([this](Result<AnchorMemory> made) {
            if (!made) {
                trouble(std::move(made.error()));
                return;
            }
            state_ = AnchorState::kept;
            idle();
        });
        return;
    case AnchorFinding::agrees:
        state_ = AnchorState::kept;
        idle();
        return;
    case AnchorFinding::extend:
    case AnchorFinding::count:
    case AnchorFinding::finish:
        if (const auto &last = book.last) {
            resume(*last, finding, memory);
        }
        return;
    case AnchorFinding::rolled_back:
        contradict(
            AnchorState::rolled_back,
            std::format("{}, and the ledger knows of {}: its end was cut off, or an older copy was put "
                        "back",
                        text_of(memory), last_ ? std::to_string(last_->count.value_or(0)) : "none"));
        return;
    case AnchorFinding::lost:
        contradict(AnchorState::lost, "the TPM was cleared, or its indices were removed: it remembers "
                                      "nothing of the ledger's anchors");
        return;
    case AnchorFinding::differs:
        contradict(AnchorState::differs,
                   std::format("what the TPM holds does not follow from the ledger's anchors ({})",
                               text_of(memory)));
        return;
    }
}

// Of a crash, or of a TPM that went away in between.
void Anchorer::resume(const Anchor &last, AnchorFinding finding, const AnchorMemory &memory) {
    const auto &counted = memory.count;
    if (finding == AnchorFinding::extend) {
        extend(last);
    } else if (finding == AnchorFinding::finish && counted) {
        finish(last, *counted);
    } else {
        count(last, counted);
    }
}

void Anchorer::checkpointed(bool critical) {
    critical_ = critical_ || critical;
    if (!busy_ && state_ == AnchorState::kept) {
        consider();
    }
}

void Anchorer::close(Task then) {
    if (state_ != AnchorState::kept) {
        then();
        return;
    }
    closing_ = std::move(then);
    if (!busy_) {
        consider();
    }
}

// Nothing is under way, and file and TPM agree.
void Anchorer::consider() {
    const bool news = store_.signed_size() > (last_ ? last_->size : 0);
    if (!news) {
        critical_ = false;
    } else if (closing_ || critical_) {
        if (budget_.take(now())) {
            begin(std::exchange(critical_, false) ? AnchorReason::critical : AnchorReason::closing);
            return;
        }
        refused_++;
        critical_ = false; // It is anchored with the next interval.
    }
    if (closing_) {
        std::exchange(closing_, nullptr)();
        return;
    }
    if (!news) {
        return;
    }
    const auto wait = std::max(last_at_ + interval_ - now(), budget_.wait(now()));
    if (wait.count() <= 0 && budget_.take(now())) {
        begin(AnchorReason::interval);
        return;
    }
    timer_.start(std::chrono::ceil<std::chrono::milliseconds>(wait), [this] {
        if (!busy_ && state_ == AnchorState::kept) {
            consider();
        }
    });
}

void Anchorer::begin(AnchorReason reason) {
    busy_ = true;
    last_at_ = now();
    store_.begin_anchor(clock_.realtime_ns(), reason, last_ ? last_->after : Hash{},
                        [this](Result<Anchor> put) {
                            if (!put) {
                                trouble(std::move(put.error()));
                                return;
                            }
                            extend(*put);
                        });
}

void Anchorer::extend(const Anchor &anchor) {
    notary_->extend(anchor.before, anchor.digest, [this, anchor](Result<AnchorMemory> memory) {
        if (!memory) {
            trouble(std::move(memory.error()));
            return;
        }
        if (memory->value != anchor.after) {
            contradict(AnchorState::differs, "the TPM's index was extended by somebody else, too");
            return;
        }
        count(anchor, memory->count);
    });
}

// A chain that begins anew goes on from whatever was counted.
void Anchorer::count(const Anchor &anchor, std::optional<std::uint64_t> before) {
    const bool adopting = anchor.reason == AnchorReason::adopted;
    if (!adopting && before != (last_ ? last_->count : std::nullopt)) {
        contradict(AnchorState::differs, "the TPM's counter was moved by somebody else, too");
        return;
    }
    notary_->count(before, [this, anchor, before](Result<AnchorMemory> memory) {
        if (!memory) {
            trouble(std::move(memory.error()));
            return;
        }
        if (!memory->count || (before && *memory->count != *before + 1)) {
            contradict(AnchorState::differs, "the TPM's counter was moved by somebody else, too");
            return;
        }
        finish(anchor, *memory->count);
    });
}

void Anchorer::finish(Anchor anchor, std::uint64_t count) {
    store_.end_anchor(anchor.id, count, [this, anchor, count](Result<void> ended) mutable {
        if (!ended) {
            trouble(std::move(ended.error()));
            return;
        }
        made_++;
        anchor.count = count;
        last_ = anchor;
        state_ = AnchorState::kept;
        detail_.clear();
        idle();
    });
}

// What is kept: the ledger goes on, since what happens must not be lost, and nothing more is anchored,
// since that would hide it.
void Anchorer::contradict(AnchorState state, std::string detail) {
    constexpr std::array<std::string_view, 3> actions = {"ledger_rolled_back", "anchor_lost",
                                                         "anchor_differs"};
    state_ = state;
    detail_ = std::move(detail);
    const std::string action(
        actions.at(static_cast<std::size_t>(state) - static_cast<std::size_t>(AnchorState::rolled_back)));
    log_.write({.level = LogLevel::error,
                .event_type = "security_event",
                .message = detail_,
                .context = {{"action", action}}});
    store_.notice(action, detail_);
    idle();
}

// Until the TPM is there again; if nobody says so, it is asked by and by.
void Anchorer::trouble(Error error) {
    if (error.code == Code::conflict) { // an index that somebody else made in the place of ours
        contradict(AnchorState::differs, std::move(error.detail));
        return;
    }
    if (!std::exchange(troubled_, true)) {
        log_.write_error(LogLevel::warning, "anchor_failed", error);
    }
    state_ = AnchorState::waiting;
    detail_ = std::format("{}: {}", info(error.code).message, error.detail);
    busy_ = false;
    if (closing_) {
        std::exchange(closing_, nullptr)();
    }
    if (adopting_) {
        std::exchange(adopting_, nullptr)(std::unexpected(std::move(error)));
    }
    retry_timer_.start(retry_, [this] { notary_ready(); });
    retry_ = std::min(retry_ * 2, last_retry);
}

void Anchorer::idle() {
    busy_ = false;
    troubled_ = false;
    retry_ = first_retry;
    if (adopting_) {
        std::exchange(adopting_,
                      nullptr)(state_ == AnchorState::kept ? Result<void>{} : fail(Code::tampered, detail_));
    }
    if (state_ == AnchorState::kept) {
        detail_.clear();
        consider();
    } else if (closing_) {
        std::exchange(closing_, nullptr)();
    }
}

bool Anchorer::adoptable() const {
    return !busy_ && (state_ == AnchorState::rolled_back || state_ == AnchorState::lost ||
                      state_ == AnchorState::differs);
}

Error Anchorer::nothing_to_adopt() const {
    return {
        Code::conflict, std::format("there is nothing to adopt: the anchors are {}", name_of(state_)), {}};
}

void Anchorer::adopt(Then<Result<void>> then) {
    if (!adoptable()) {
        then(std::unexpected(nothing_to_adopt()));
        return;
    }
    if (!budget_.take(now())) {
        then(fail(Code::try_again, "the TPM's memory was written too often in the last 24 hours"));
        return;
    }
    busy_ = true;
    last_at_ = now();
    adopting_ = std::move(then);
    notary_->prepare([this](Result<AnchorMemory> memory) {
        if (!memory) {
            trouble(std::move(memory.error()));
            return;
        }
        store_.begin_anchor(clock_.realtime_ns(), AnchorReason::adopted, memory->value.value_or(Hash{}),
                            [this](Result<Anchor> put) {
                                if (!put) {
                                    trouble(std::move(put.error()));
                                    return;
                                }
                                extend(*put);
                            });
    });
}

} // namespace dsmil::ledger
