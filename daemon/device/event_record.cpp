// SPDX-License-Identifier: Apache-2.0
#include "device/event_record.hpp"

#include "dsmil/event.hpp"

#include <algorithm>
#include <format>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

namespace dsmil {
namespace {

using ledger::Field;
using ledger::Record;

// The word for a number; a newer kernel's numbers stay numbers.
std::string word_or(std::optional<std::string_view> word, std::uint32_t number) {
    return word ? std::string(*word) : std::to_string(number);
}

bool is_about_register(const dsmil_event &event) {
    return event.type == DSMIL_EVENT_READ || event.type == DSMIL_EVENT_WRITE ||
           event.type == DSMIL_EVENT_REFUSED || event.type == DSMIL_EVENT_CHANGED ||
           event.type == DSMIL_EVENT_BATCH_GRANT;
}

std::string action_of(const dsmil_event &event) {
    // What was refused is an outcome of a write.
    if (event.type == DSMIL_EVENT_REFUSED) {
        return "write";
    }
    const auto word = event_word(event.type);
    return word ? std::string(*word) : std::format("event_{}", event.type);
}

std::string outcome_of_part(const dsmil_event &event) {
    const auto operations = operations_of(event);
    const auto has = [&](std::string_view outcome) {
        return std::ranges::any_of(operations, [&](const auto &each) { return outcome_of(each) == outcome; });
    };
    return has("refused") ? "refused" : has("failed") ? "failed" : "ok";
}

// By the guard.
bool is_refused(const dsmil_event &event) {
    return event.type == DSMIL_EVENT_REFUSED ||
           (event.type == DSMIL_EVENT_BATCH_GRANT && event.reason != DSMIL_REASON_ALLOWED);
}

std::string outcome_of(const dsmil_event &event) {
    switch (event.type) {
    case DSMIL_EVENT_GAP:
        return "lost";
    case DSMIL_EVENT_REFUSED:
        return "refused";
    case DSMIL_EVENT_BATCH_PART:
        return outcome_of_part(event);
    case DSMIL_EVENT_BATCH_GRANT:
        return is_refused(event) ? "refused" : event.result == 0 ? "ok" : "failed";
    case DSMIL_EVENT_BATCH: // value: how many operations failed
    case DSMIL_EVENT_SWEEP: // value: how many reads failed
        return event.value == 0 ? "ok" : "failed";
    default:
        return event.result == 0 ? "ok" : "failed";
    }
}

std::string hex(std::span<const std::uint8_t> bytes) {
    std::string text;
    for (const auto byte : bytes) {
        text += std::format("{:02x}", byte);
    }
    return text;
}

bool is_zero(std::span<const std::uint8_t> bytes) {
    return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

// The grant of a write: its nonce and who signed it. Empty without one.
std::vector<Field> grant_of(const dsmil_event &event) {
    const auto &grant = event.detail.grant;
    const bool may_have = event.type == DSMIL_EVENT_WRITE || event.type == DSMIL_EVENT_REFUSED ||
                          event.type == DSMIL_EVENT_BATCH_GRANT;
    if (!may_have || is_zero(grant.signer[0])) {
        return {};
    }
    std::vector<Field> fields = {{"grant_nonce", hex(grant.nonce)}, {"grant_signer", hex(grant.signer[0])}};
    if (!is_zero(grant.signer[1])) {
        fields.push_back({"grant_second_signer", hex(grant.signer[1])});
    }
    return fields;
}

// Each operation under its index in the batch.
std::vector<Field> part_of(const dsmil_event &event) {
    std::vector<Field> fields;
    auto index = event.count;
    for (const auto &operation : operations_of(event)) {
        fields.push_back({std::format("operation_{}", index++), describe(operation)});
    }
    return fields;
}

std::vector<Field> values_of(const dsmil_event &event) {
    const Field value = {"value", std::uint64_t{event.value}};
    const Field count = {"count", std::uint64_t{event.count}};
    switch (event.type) {
    case DSMIL_EVENT_GAP:
        return {count, {"first_ns", std::uint64_t{event.first_ns}}};
    case DSMIL_EVENT_FIRMWARE_ATTACHED:
        return {{"present", std::uint64_t{event.value}}};
    case DSMIL_EVENT_GRANT_KEYS_SEALED:
        return {{"keys", std::uint64_t{event.value}}};
    case DSMIL_EVENT_GRANT_KEY_ADDED: {
        const auto &key = event.detail.key;
        return {{"key_id", hex(key.id)},
                {"owner", std::string(key.owner, std::ranges::find(key.owner, '\0'))}};
    }
    case DSMIL_EVENT_BATCH:
        return {count, {"failed", std::uint64_t{event.value}}};
    case DSMIL_EVENT_BATCH_PART:
        return part_of(event);
    case DSMIL_EVENT_SWEEP:
        return {count, {"errors", std::uint64_t{event.value}}, {"sha256", hex(event.detail.digest)}};
    case DSMIL_EVENT_CHANGED:
        return {value, {"before", std::uint64_t{event.detail.changed.before}}};
    case DSMIL_EVENT_BATCH_GRANT:
        return {{"index", std::uint64_t{event.count}}, value};
    case DSMIL_EVENT_READ: // one that failed has no value
        return event.result == 0 ? std::vector{value} : std::vector<Field>{};
    case DSMIL_EVENT_WRITE: // what it wanted is worth knowing always
    case DSMIL_EVENT_REFUSED:
        return {value};
    default:
        return {};
    }
}

std::vector<Field> context_of(const dsmil_event &event) {
    std::vector<Field> context = {
        {"firmware", word_or(firmware_word(event.firmware_kind), event.firmware_kind)}};
    if (is_about_register(event)) {
        context.push_back({"risk", word_or(risk_word(event.risk), event.risk)});
    }
    if (is_refused(event)) {
        context.push_back({"reason", word_or(reason_word(event.reason), event.reason)});
        context.push_back({"rule_token", std::uint64_t{event.rule_token}});
    }
    std::ranges::move(grant_of(event), std::back_inserter(context));
    if (event.result != 0) {
        context.push_back({"errno", static_cast<std::int64_t>(event.result)});
        // Numbers have one spelling: a positive one is unsigned.
        if (event.result > 0) {
            context.back().value = static_cast<std::uint64_t>(event.result);
        }
    }
    return context;
}

} // namespace

Record record_of(const dsmil_event &event, const Id128 &boot_id) {
    Record record;
    record.boottime_ns = event.boottime_ns;
    record.realtime_ns = event.realtime_ns;
    record.boot_id = boot_id;
    record.source = "kernel";
    record.ring.emplace();
    std::ranges::copy(event.load_id, record.ring->load_id.begin());
    record.ring->sequence = event.sequence;
    if (event.device_id != DSMIL_NO_DEVICE) {
        record.device_id = event.device_id;
    }
    if (is_about_register(event)) {
        record.reg = event.reg;
        record.token = event.token;
    }
    if (event.type != DSMIL_EVENT_GAP) {
        const auto *end = std::ranges::find(event.comm, '\0');
        record.actor = ledger::Actor{event.uid, event.pid, std::string(event.comm, end), event.cgroup_id};
    }
    record.action = action_of(event);
    record.outcome = outcome_of(event);
    record.values = values_of(event);
    record.context = context_of(event);
    return record;
}

} // namespace dsmil
