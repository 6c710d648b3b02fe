// SPDX-License-Identifier: Apache-2.0
#include "grants/book.hpp"

#include <algorithm>
#include <format>
#include <iterator>
#include <ranges>
#include <utility>

namespace dsmil::grants {
namespace {

bool is_open(const Entry &entry) {
    return entry.state == State::waiting || entry.state == State::approved;
}

std::unexpected<Error> not_now(const Entry &entry) {
    switch (entry.state) {
    case State::approved:
        return fail(Code::conflict, std::format("grant {} is being given out", entry.id));
    case State::waiting:
        return fail(Code::grant_pending,
                    std::format("grant {} waits for the signature of {}", entry.id, entry.approver));
    case State::issued:
        return fail(Code::conflict,
                    std::format("grant {} was given out; it can be used until it expires", entry.id));
    default:
        return fail(Code::conflict, std::format("grant {} is {}", entry.id, name(entry.state)));
    }
}

} // namespace

std::string_view name(State state) {
    switch (state) {
    case State::waiting:
        return "waiting";
    case State::approved:
        return "approved";
    case State::issued:
        return "issued";
    case State::revoked:
        return "revoked";
    case State::expired:
        break;
    }
    return "expired";
}

Result<void> Book::may_add(std::uint32_t uid) const {
    const auto open = std::ranges::count_if(entries_, is_open);
    const auto own = std::ranges::count_if(
        entries_, [&](const Entry &entry) { return is_open(entry) && entry.uid == uid; });
    if (std::cmp_greater_equal(own, max_open_user)) {
        return fail(Code::try_again,
                    std::format("{} grants that you asked for are open; use or revoke one, or "
                                "wait until they expire",
                                own));
    }
    if (std::cmp_greater_equal(open, max_open)) {
        return fail(Code::try_again, std::format("{} grants are open; wait until some expire", open));
    }
    return {};
}

void Book::add(Entry entry) {
    entry.step = Step::request;
    entries_.push_back(std::move(entry));
    forget_ended();
}

Result<const Entry *> Book::find(std::string_view id) const {
    const auto found = std::ranges::find(entries_, id, &Entry::id);
    if (found == entries_.end() || found->step == Step::request) {
        return fail(Code::not_found, std::format("there is no grant \"{}\"", id));
    }
    return &*found;
}

Entry *Book::seek(std::string_view id) {
    const auto found = std::ranges::find(entries_, id, &Entry::id);
    return found != entries_.end() ? &*found : nullptr;
}

std::vector<Entry> Book::list() const {
    std::vector<Entry> all;
    std::ranges::copy_if(entries_ | std::views::reverse, std::back_inserter(all),
                         [](const Entry &entry) { return entry.step != Step::request; });
    return all;
}

Result<void> Book::approve(std::string_view id, std::string signature) {
    if (auto there = find(id); !there) {
        return std::unexpected(std::move(there.error()));
    }
    Entry &entry = *seek(id);
    if (entry.state == State::approved || entry.step == Step::approval) {
        return fail(Code::conflict, std::format("grant {} is approved already", id));
    }
    if (entry.state != State::waiting) {
        return not_now(entry);
    }
    entry.approval = std::move(signature);
    entry.step = Step::approval;
    return {};
}

Result<void> Book::issue(std::string_view id) {
    if (auto there = find(id); !there) {
        return std::unexpected(std::move(there.error()));
    }
    Entry &entry = *seek(id);
    if (entry.state != State::approved || entry.step != Step::none) {
        return not_now(entry);
    }
    entry.step = Step::issue;
    return {};
}

Result<void> Book::settle(std::string_view id) {
    Entry *entry = seek(id);
    if (entry == nullptr) {
        return find(id).transform([](const Entry *) {});
    }
    const Step done = std::exchange(entry->step, Step::none);
    if (!is_open(*entry)) {
        return not_now(*entry);
    }
    if (done == Step::approval) {
        entry->state = State::approved;
    } else if (done == Step::issue) {
        entry->state = State::issued;
    }
    return {};
}

void Book::give_up(std::string_view id) {
    Entry *entry = seek(id);
    if (entry == nullptr) {
        return;
    }
    if (entry->step == Step::request) {
        std::erase_if(entries_, [&](const Entry &candidate) { return candidate.id == id; });
        return;
    }
    if (entry->step == Step::approval) {
        entry->approval.clear();
    }
    entry->step = Step::none;
}

Result<void> Book::revoke(std::string_view id) {
    if (auto there = find(id); !there) {
        return std::unexpected(std::move(there.error()));
    }
    Entry &entry = *seek(id);
    if (!is_open(entry) || entry.step == Step::issue) {
        return not_now(entry);
    }
    entry.state = State::revoked;
    return {};
}

void Book::expire(std::uint64_t boottime_ns) {
    for (auto &entry : entries_) {
        if (is_open(entry) && entry.step != Step::issue && entry.body.expires_boottime_ns <= boottime_ns) {
            entry.state = State::expired;
        }
    }
    forget_ended();
}

void Book::forget_ended() {
    auto ended = static_cast<std::size_t>(
        std::ranges::count_if(entries_, [](const Entry &entry) { return !is_open(entry); }));
    std::erase_if(entries_, [&](const Entry &entry) {
        if (is_open(entry) || ended <= max_ended) {
            return false;
        }
        ended--;
        return true;
    });
}

void Book::note_use(std::string_view rule, std::uint64_t realtime_ns) {
    auto found = issued_.find(rule);
    if (found == issued_.end()) {
        found = issued_.emplace(std::string(rule), std::vector<std::uint64_t>{}).first;
    }
    auto &times = found->second;
    std::erase_if(times, [&](std::uint64_t time) { return time + day_ns <= realtime_ns; });
    times.push_back(realtime_ns);
}

std::size_t Book::uses(std::string_view rule, std::uint64_t realtime_ns) const {
    const auto open = std::ranges::count_if(
        entries_, [&](const Entry &entry) { return is_open(entry) && entry.rule == rule; });
    const auto found = issued_.find(rule);
    if (found == issued_.end()) {
        return static_cast<std::size_t>(open);
    }
    // A time to come counts too: the clock was set back.
    const auto recent =
        std::ranges::count_if(found->second, [&](std::uint64_t time) { return time + day_ns > realtime_ns; });
    return static_cast<std::size_t>(open + recent);
}

} // namespace dsmil::grants
