// SPDX-License-Identifier: Apache-2.0
#include "sinks/feed.hpp"

#include "base/file.hpp"

#include <algorithm>
#include <charconv>
#include <format>
#include <utility>

namespace dsmil::sinks {
namespace {

constexpr std::size_t max_position_bytes = 32;

} // namespace

std::string_view name(State state) {
    switch (state) {
    case State::current:
        return "current";
    case State::sending:
        return "sending";
    case State::blocked:
        return "blocked";
    case State::failed:
        break;
    }
    return "failed";
}

Feed::Feed(Reactor &reactor, const Log &log, ledger::Service &ledger, FeedOptions options,
           std::unique_ptr<Sink> sink)
    : reactor_(reactor), log_(log), ledger_(ledger), options_(std::move(options)), sink_(std::move(sink)),
      pause_timer_(reactor), blocked_timer_(reactor), worker_(options_.name) {
    status_.name = options_.name;
    status_.target = options_.target;
}

std::string Feed::position_path() const {
    return std::format("{}/sink-{}.position", options_.state_dir, options_.name);
}

Result<void> Feed::start() {
    const auto text = read_file(position_path(), max_position_bytes);
    if (!text && text.error().code != Code::not_found) {
        return std::unexpected(
            Error(text.error()).in(std::format("where the sink {} was left", options_.name)));
    }
    if (text) {
        const auto *const last = text->data() + text->size();
        const auto [end, error] = std::from_chars(text->data(), last, status_.position);
        if (error != std::errc{} || std::string_view(end, last) != "\n") {
            return fail(Code::failed, std::format("{} holds no position; without it everything is sent again",
                                                  position_path()));
        }
    }
    hear();
    return {};
}

std::uint64_t Feed::end() const {
    const auto &snapshot = ledger_.snapshot();
    return sink_->of_checkpoints() ? snapshot.checkpoint_size : snapshot.head.size;
}

Status Feed::status() const {
    Status now = status_;
    now.behind = end() - std::min(end(), now.position);
    return now;
}

bool Feed::stop(std::chrono::milliseconds patience) {
    pause_timer_.cancel();
    blocked_timer_.cancel();
    sink_->cancel();
    return worker_.stop(patience);
}

void Feed::hear() {
    if (!busy_ && !paused_) {
        next();
    }
}

void Feed::next() {
    if (status_.position > ledger_.snapshot().head.size) {
        log_.write({.level = LogLevel::warning,
                    .event_type = "sink_ahead",
                    .message =
                        "a sink has more records than the ledger: the ledger is another one, or an older "
                        "copy was put back; sending everything again",
                    .context = {{"sink", options_.name}, {"position", std::to_string(status_.position)}}});
        status_.position = 0;
    }
    if (status_.position >= end()) {
        status_.state = State::current;
        status_.trouble.reset();
        return;
    }
    busy_ = true;
    if (status_.state == State::current) {
        status_.state = State::sending;
    }
    if (sink_->of_checkpoints()) {
        send({});
    } else {
        read();
    }
}

void Feed::read() {
    ledger_.read(status_.position, batch_records, [this](Result<std::vector<ledger::Record>> records) {
        if (!records || records->empty()) {
            trouble(State::failed, records ? Error{Code::failed, "the ledger gives no records", {}}
                                           : std::move(records.error()));
            return;
        }
        const std::uint64_t gone = records->front().sequence - status_.position;
        status_.skipped += gone;
        status_.position += gone;
        send(std::move(*records));
    });
}

void Feed::send(std::vector<ledger::Record> records) {
    blocked_timer_.start(options_.blocked_after, [this] {
        status_.state = State::blocked;
        status_.trouble = Error{Code::try_again, "it has not taken anything for a while", {}};
    });
    const std::uint64_t count = records.size();
    const bool taken = worker_.submit(0, [this, count, records = std::move(records)] {
        auto delivery = sink_->send(records);
        if (delivery) {
            const auto text = std::format("{}\n", delivery->next);
            if (auto kept = write_file(position_path(), as_bytes(text), 0640); !kept) {
                delivery = std::unexpected(std::move(kept.error()));
            }
        }
        reactor_.post(
            [this, count, delivery = std::move(delivery)]() mutable { sent(count, std::move(delivery)); });
    });
    if (!taken) { // It is being stopped.
        blocked_timer_.cancel();
    }
}

void Feed::sent(std::uint64_t records, Result<Delivery> delivery) {
    blocked_timer_.cancel();
    if (!delivery) {
        const bool blocked = delivery.error().code == Code::try_again;
        trouble(blocked ? State::blocked : State::failed, std::move(delivery.error()));
        return;
    }
    if (status_.state == State::blocked || status_.state == State::failed) {
        log_.write({.level = LogLevel::info,
                    .event_type = "sink_works",
                    .message = "a sink takes records again",
                    .context = {{"sink", options_.name}}});
    }
    const std::uint64_t all =
        sink_->of_checkpoints() ? delivery->next - std::min(delivery->next, status_.position) : records;
    status_.sent += all - delivery->refused;
    status_.refused += delivery->refused;
    status_.position = delivery->next;
    status_.state = State::sending;
    status_.trouble.reset();
    pause_ = {};
    busy_ = false;
    next();
}

void Feed::trouble(State state, Error why) {
    if (status_.state != state || !status_.trouble) {
        log_.write_error(LogLevel::warning, state == State::blocked ? "sink_blocked" : "sink_failed",
                         Error(why).in(std::format("sink {}", options_.name)));
    }
    status_.failures++;
    status_.state = state;
    status_.trouble = std::move(why);
    busy_ = false;
    paused_ = true;
    pause_ = std::clamp(pause_ * 2, options_.first_pause, options_.max_pause);
    pause_timer_.start(pause_, [this] {
        paused_ = false;
        next();
    });
}

} // namespace dsmil::sinks
