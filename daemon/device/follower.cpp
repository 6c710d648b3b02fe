// SPDX-License-Identifier: Apache-2.0
#include "device/follower.hpp"

#include "device/event_record.hpp"

#include <utility>

namespace dsmil {

Follower::Follower(Reactor &reactor, const Log &log, ledger::Service &ledger, std::unique_ptr<Ring> ring,
                   std::chrono::milliseconds pause)
    : log_(log), ledger_(ledger), boot_id_(boot_id()), ring_(std::move(ring)), pause_(pause),
      watch_(reactor, ring_->fd()), retry_(reactor) {}

void Follower::start() {
    listen();
}

void Follower::listen() {
    watch_.start([this] {
        woken_ = true;
        take_batch();
    });
}

void Follower::pause() {
    watch_.cancel();
    if (drained_) {
        std::exchange(drained_, nullptr)(); // No time to wait: the ring keeps what is left.
        return;
    }
    retry_.start(pause_, [this] {
        if (batch_.empty()) {
            take_batch();
        } else {
            append();
        }
    });
}

void Follower::drain(Task then) {
    drained_ = std::move(then);
    if (!busy_) {
        watch_.cancel();
        retry_.cancel();
        if (in_trouble_) {
            pause();
        } else {
            take_batch();
        }
    }
}

void Follower::take_batch() {
    const auto events = ring_->read(batch_records);
    if (!events) {
        report("audit_ring_failed", events.error());
        pause();
        return;
    }
    if (events->empty()) {
        idle();
        return;
    }
    for (const dsmil_event &event : *events) {
        batch_.push_back(record_of(event, boot_id_));
    }
    up_to_ = events->back().sequence + 1;
    woken_ = false;
    append();
}

void Follower::append() {
    busy_ = true;
    ledger_.append(batch_, [this](Result<ledger::Appended> result) {
        busy_ = false;
        if (!result) {
            report("ledger_append_failed", result.error());
            pause();
            return;
        }
        kept();
    });
}

void Follower::kept() {
    batch_.clear();
    if (const auto advanced = ring_->advance(up_to_); !advanced) {
        // The records are safe; the next reader gets them again and the ledger knows them.
        report("audit_ring_failed", advanced.error());
        pause();
        return;
    }
    if (in_trouble_) {
        in_trouble_ = false;
        log_.write({.level = LogLevel::info,
                    .event_type = "ledger_goes_on",
                    .message = "events are recorded again"});
    }
    take_batch();
}

void Follower::idle() {
    if (drained_) {
        std::exchange(drained_, nullptr)();
        return;
    }
    // Readable without a record is a hang-up: the devices have gone. They may
    // come back, and asking in a circle would not hasten it.
    if (std::exchange(woken_, false) || in_trouble_) {
        pause();
        return;
    }
    listen();
}

void Follower::report(std::string_view event_type, const Error &error) {
    if (!in_trouble_ || trouble_ != error.code) {
        log_.write_error(LogLevel::error, event_type, error);
    }
    in_trouble_ = true;
    trouble_ = error.code;
}

} // namespace dsmil
