// SPDX-License-Identifier: Apache-2.0
#include "response/responder.hpp"

#include "device/security_event.hpp"
#include "ledger/tree.hpp"

#include <algorithm>
#include <format>
#include <memory>
#include <utility>

namespace dsmil::response {
namespace {

constexpr std::string_view action_quarantine_added = "quarantine_added";

std::string words_of(const Rule &rule) {
    std::string all;
    for (std::size_t i = 0; i < action_words.size(); i++) {
        if (rule.actions.test(i)) {
            all += std::format("{}{}", all.empty() ? "" : " ", action_words.at(i));
        }
    }
    return all;
}

} // namespace

Responder::Responder(Reactor &reactor, const Log &log, const Clock &clock, ledger::Service &ledger,
                     grants::Service &grants, Sign sign)
    : reactor_(reactor), log_(log), clock_(clock), ledger_(ledger), grants_(grants), sign_(std::move(sign)),
      decider_(Rules{}), denied_marks_(""), quarantine_marks_(""), quarantine_timer_(reactor),
      worker_("dsmild-response") {}

Result<void> Responder::start(Rules rules, const std::string &state_dir) {
    decider_ = Decider(std::move(rules));
    denied_marks_ = Marks(state_dir + "/denied.d");
    quarantine_marks_ = Marks(state_dir + "/quarantine.d");
    const auto denied = denied_marks_.open();
    const auto quarantine = quarantine_marks_.open();
    if (!denied || !quarantine) {
        return std::unexpected(
            Error(!denied ? denied.error() : quarantine.error()).in("the marks of responses to intrusions"));
    }
    for (const auto device : *denied) {
        standings_[device].denied = true;
        grants_.deny_device(device, true);
    }
    for (const auto device : *quarantine) {
        standings_[device].quarantine_asked = true;
    }
    live_from_ = ledger_.snapshot().head.size;
    next_ = live_from_ > replay_records ? live_from_ - replay_records : 0;
    const std::uint64_t now = clock_.boottime_ns();
    oldest_ns_ = now > replay_ns ? now - replay_ns : 0;
    ledger_.on_grown([this] { grown(); });
    grown();
    return {};
}

bool Responder::stop(std::chrono::milliseconds patience) {
    quarantine_timer_.cancel();
    return worker_.stop(patience);
}

void Responder::grown() {
    if (reading_ || decider_.rules().empty() || next_ >= ledger_.snapshot().head.size) {
        return;
    }
    reading_ = true;
    ledger_.read(next_, ledger::Service::max_read,
                 [this](const Result<std::vector<ledger::Record>> &records) {
                     reading_ = false;
                     if (!records) { // The next append tries again.
                         if (!std::exchange(failed_, true)) {
                             log_.write_error(LogLevel::error, "responses_wait", records.error());
                         }
                         return;
                     }
                     failed_ = false;
                     take(*records);
                     if (!records->empty()) {
                         grown();
                     }
                 });
}

void Responder::take(const std::vector<ledger::Record> &records) {
    const auto boot_id = ledger_.own_record({}, {}).boot_id;
    for (const auto &record : records) {
        // What happened long before this life is no reason to act; what was done about it counts.
        const bool is_recent = record.boot_id == boot_id && record.boottime_ns >= oldest_ns_;
        if (record.sequence >= live_from_ || is_recent || record.action == action_intrusion) {
            look_at(record);
        }
        next_ = record.sequence + 1;
    }
    // Records of an earlier life may still say that something was done.
    if (next_ < live_from_) {
        return;
    }
    for (const auto &decision : std::exchange(open_, {})) {
        act(decision, recent_.at(decision.record));
    }
    recent_.clear();
}

void Responder::look_at(const ledger::Record &record) {
    if (record.source == "kernel" && record.action == action_quarantine_added && record.device_id &&
        standings_.contains(*record.device_id)) {
        standings_[*record.device_id].quarantined = true;
    }
    const auto before = open_.size();
    decider_.note(record, open_);
    if (open_.size() > before) {
        recent_.emplace(record.sequence, record);
    }
}

void Responder::act(const Decision &decision, const ledger::Record &record) {
    const Rule &rule = decider_.rules().at(decision.rule);
    Standing &standing = standings_[decision.device];
    standing.rule = rule.name;
    standing.record = decision.record;
    auto entry = ledger_.own_record(std::string(action_intrusion), "noticed");
    entry.device_id = decision.device;
    entry.values = {{"record", decision.record}, {"count", std::uint64_t{decision.count}}};
    entry.context = {{"rule", rule.name}, {"condition", record.action}, {"responses", words_of(rule)}};
    if (rule.does(Action::deny_grants)) {
        deny(decision.device);
    }
    if (rule.does(Action::revoke_grants)) {
        entry.values.push_back({"grants_revoked", grants_.revoke_device(decision.device)});
    }
    if (rule.does(Action::quarantine)) {
        ask_quarantine(decision.device);
    }
    const LogLevel level = rule.does(Action::critical) ? LogLevel::error : LogLevel::warning;
    if (rule.does(Action::sign)) {
        sign_words(std::move(entry), record, level);
    } else {
        keep(std::move(entry), level);
    }
}

void Responder::deny(std::uint16_t device) {
    standings_[device].denied = true;
    grants_.deny_device(device, true);
    on_disk([this, device] { return denied_marks_.add(device); },
            [this](const Result<void> &kept) {
                if (!kept) { // It holds as long as this daemon lives.
                    log_.write_error(LogLevel::error, "response_not_kept", kept.error());
                }
            });
}

void Responder::ask_quarantine(std::uint16_t device) {
    standings_[device].quarantine_asked = true;
    on_disk([this, device] { return quarantine_marks_.add(device); },
            [this](const Result<void> &kept) {
                if (!kept) {
                    log_.write_error(LogLevel::error, "quarantine_not_asked", kept.error());
                }
            });
    quarantine_timer_.start(quarantine_patience, [this] {
        for (const auto &[id, standing] : standings_) {
            if (standing.quarantine_asked && !standing.quarantined) {
                log_.write({.level = LogLevel::error,
                            .event_type = "quarantine_not_done",
                            .message = "the kernel did not record the quarantine that was asked for: is the "
                                       "unit dsmil-quarantine-now.path running?",
                            .device_id = id});
            }
        }
    });
}

// The words are of the record that led to it, tied to it by its leaf hash.
void Responder::sign_words(ledger::Record entry, const ledger::Record &about, LogLevel level) {
    // What shows at the machine is said of each device that a rule names.
    ledger::Record said = about;
    said.device_id = entry.device_id;
    auto words = ledger::encode(about).and_then([&](const Bytes &body) {
        return security_event(said, ledger_.snapshot().origin, ledger::leaf_hash(body));
    });
    if (words && words->size() > max_signed_bytes) {
        words = fail(Code::usage, "the record is too large to be put into words here");
    }
    if (!words) {
        entry.context.push_back({"sign_error", std::string(info(words.error().code).name)});
        keep(std::move(entry), level);
        return;
    }
    const auto device = *entry.device_id; // NOLINT(bugprone-unchecked-optional-access): it is about one
    sign_(device, *words,
          [this, entry = std::move(entry), words = *words, level](Result<Bytes> signature) mutable {
              if (signature) {
                  entry.values.push_back({"message", std::move(words)});
                  entry.values.push_back({"signature", std::move(*signature)});
              } else {
                  entry.context.push_back({"sign_error", std::string(info(signature.error().code).name)});
              }
              keep(std::move(entry), level);
          });
}

void Responder::keep(ledger::Record entry, LogLevel level) {
    log_.write({.level = level,
                .event_type = "intrusion",
                .message = std::format("a device shows an intrusion: the response \"{}\" was carried out",
                                       std::get<std::string>(entry.context.front().value)),
                .context = {{"record", std::to_string(std::get<std::uint64_t>(entry.values.front().value))}},
                .device_id = entry.device_id});
    std::vector<ledger::Record> records;
    records.push_back(std::move(entry));
    ledger_.append(std::move(records), [this](const Result<ledger::Appended> &kept) {
        if (!kept) {
            log_.write_error(LogLevel::error, "ledger_append_failed", kept.error());
        }
    });
}

void Responder::clear(std::uint16_t device, ledger::Record record, Then<Result<void>> then) {
    const auto found = standings_.find(device);
    if (found == standings_.end()) {
        then(fail(Code::conflict, "the device shows no intrusion that something was done about"));
        return;
    }
    record.action = action_cleared;
    record.device_id = device;
    std::vector<ledger::Record> records;
    records.push_back(std::move(record));
    ledger_.append(std::move(records),
                   [this, device, then = std::move(then)](Result<ledger::Appended> kept) mutable {
                       if (!kept) {
                           then(std::unexpected(std::move(kept.error())));
                           return;
                       }
                       standings_.erase(device);
                       grants_.deny_device(device, false);
                       on_disk(
                           [this, device] {
                               return denied_marks_.remove(device).and_then(
                                   [&] { return quarantine_marks_.remove(device); });
                           },
                           std::move(then));
                   });
}

void Responder::on_disk(std::function<Result<void>()> work, Then<Result<void>> then) {
    const auto answer = std::make_shared<Then<Result<void>>>(std::move(then));
    const bool taken = worker_.submit(0, [this, work = std::move(work), answer] {
        reactor_.post([answer, result = work()]() mutable { (*answer)(std::move(result)); });
    });
    if (!taken) {
        reactor_.post([answer] { (*answer)(fail(Code::try_again, "too much work waits for the disk")); });
    }
}

} // namespace dsmil::response
