// SPDX-License-Identifier: Apache-2.0
#include "response/decider.hpp"

#include <algorithm>
#include <charconv>
#include <linux/dsmil.h>
#include <string>

namespace dsmil::response {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

const std::string *text_of(const std::vector<ledger::Field> &fields, std::string_view name) {
    const auto found = std::ranges::find(fields, name, &ledger::Field::name);
    return found != fields.end() ? std::get_if<std::string>(&found->value) : nullptr;
}

// An operation of a batch as lib/src/event.cpp describes it: "write 0x801C value 0x00000001
// refused quarantined".
std::optional<Symptom> symptom_of_operation(std::string_view text) {
    constexpr std::string_view write = "write 0x";
    constexpr std::string_view read = "read 0x";
    const bool is_write = text.starts_with(write);
    const bool is_refused = is_write && text.contains(" refused");
    const bool is_failed = (is_write || text.starts_with(read)) && text.contains(" failed");
    if (!is_refused && !is_failed) {
        return std::nullopt;
    }
    text.remove_prefix(is_write ? write.size() : read.size());
    const auto digits = text.substr(0, 4);
    std::uint16_t token = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), token, 16);
    const unsigned place = token - DSMIL_TOKEN_BASE;
    if (error != std::errc{} || token < DSMIL_TOKEN_BASE ||
        place >= DSMIL_DEVICE_COUNT * DSMIL_REGISTER_COUNT) {
        return std::nullopt;
    }
    return Symptom{is_refused ? Condition::write_refused : Condition::firmware_failed,
                   static_cast<std::uint16_t>(DSMIL_DEVICE_ID_BASE + place / DSMIL_REGISTER_COUNT),
                   static_cast<std::uint8_t>(place % DSMIL_REGISTER_COUNT)};
}

std::optional<Condition> condition_of(const ledger::Record &record) {
    const bool is_kernel = record.source == "kernel";
    const bool is_access = record.action == "read" || record.action == "write";
    if (is_kernel && record.action == "changed") {
        return Condition::register_changed;
    }
    if (is_kernel && record.action == "write" && record.outcome == "refused") {
        return Condition::write_refused;
    }
    if (is_kernel && is_access && record.outcome == "failed") {
        return Condition::firmware_failed;
    }
    if (record.source == source_daemon && record.action == "grant_requested" && record.outcome == "refused") {
        return Condition::grant_denied;
    }
    return std::nullopt;
}

} // namespace

std::vector<Symptom> symptoms_of(const ledger::Record &record) {
    std::vector<Symptom> symptoms;
    if (record.source == source_daemon && record.action.starts_with("tpm_") && record.outcome == "noticed") {
        symptoms.push_back({Condition::tpm_event, 0, std::nullopt});
    } else if (record.source == "kernel" && record.action == "batch_part") {
        for (const auto &field : record.values) {
            const auto *text = std::get_if<std::string>(&field.value);
            if (const auto symptom = text != nullptr ? symptom_of_operation(*text) : std::nullopt) {
                symptoms.push_back(*symptom);
            }
        }
    } else if (const auto condition = record.device_id ? condition_of(record) : std::nullopt) {
        symptoms.push_back({*condition, *record.device_id, record.reg});
    }
    return symptoms;
}

void Decider::note(const ledger::Record &record, std::vector<Decision> &open) {
    if (record.boot_id != boot_id_) {
        boot_id_ = record.boot_id;
        seen_.clear();
    }
    if (record.source == source_daemon &&
        (record.action == action_intrusion || record.action == action_cleared)) {
        note_own(record, open);
        return;
    }
    for (const auto &symptom : symptoms_of(record)) {
        for (std::size_t i = 0; i < rules_.size(); i++) {
            const Rule &rule = rules_[i];
            if (!rule.when.test(static_cast<std::size_t>(symptom.condition)) ||
                (symptom.reg && *symptom.reg < rule.registers.size() && !rule.registers.test(*symptom.reg))) {
                continue;
            }
            for (const std::uint16_t device : rule.devices) {
                if (symptom.device == 0 || symptom.device == device) {
                    count(record, i, device, open);
                }
            }
        }
    }
}

void Decider::count(const ledger::Record &record, std::size_t rule, std::uint16_t device,
                    std::vector<Decision> &open) {
    const Rule &about = rules_[rule];
    Seen &seen = seen_[{rule, device}];
    const std::uint64_t now = record.boottime_ns;
    if (seen.acted && now < seen.acted_ns + about.again_after_seconds * second_ns) {
        return;
    }
    std::erase_if(seen.times_ns,
                  [&](std::uint64_t time) { return time + about.within_seconds * second_ns < now; });
    seen.times_ns.push_back(now);
    if (seen.times_ns.size() < about.at_least) {
        return;
    }
    open.push_back({rule, device, record.sequence, static_cast<std::uint32_t>(seen.times_ns.size())});
    seen.times_ns.clear();
    seen.acted = true;
    seen.acted_ns = now;
}

void Decider::note_own(const ledger::Record &record, std::vector<Decision> &open) {
    if (!record.device_id) {
        return;
    }
    if (record.action == action_cleared) { // The rules look at the device anew.
        std::erase_if(seen_, [&](const auto &entry) { return entry.first.second == *record.device_id; });
        return;
    }
    const auto *name = text_of(record.context, "rule");
    const auto rule = name != nullptr ? std::ranges::find(rules_, *name, &Rule::name) : rules_.end();
    if (rule == rules_.end()) {
        return;
    }
    const auto place = static_cast<std::size_t>(rule - rules_.begin());
    std::erase_if(open, [&](const Decision &decision) {
        return decision.rule == place && decision.device == *record.device_id;
    });
    // Also when what led to it lies further back than this daemon looks.
    Seen &seen = seen_[{place, *record.device_id}];
    seen.times_ns.clear();
    seen.acted = true;
    seen.acted_ns = std::max(seen.acted_ns, record.boottime_ns);
}

} // namespace dsmil::response
