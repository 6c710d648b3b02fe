// SPDX-License-Identifier: Apache-2.0
#include "device/event_record.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <iterator>
#include <span>
#include <string_view>

namespace dsmil {
namespace {

using ledger::Field;
using ledger::Record;

constexpr std::array<std::string_view, 25> reasons = {"allowed",
                                                      "quarantined",
                                                      "quarantined_as_id",
                                                      "alias",
                                                      "locked",
                                                      "location_unknown",
                                                      "grant_required",
                                                      "capability_required",
                                                      "not_a_register",
                                                      "grant_malformed",
                                                      "grant_unsupported",
                                                      "grant_key_unknown",
                                                      "grant_bad_signature",
                                                      "grant_signers",
                                                      "grant_expired",
                                                      "grant_too_long",
                                                      "grant_other_load",
                                                      "grant_other_firmware",
                                                      "grant_other_register",
                                                      "grant_other_user",
                                                      "grant_value",
                                                      "grant_old_value",
                                                      "grant_replayed",
                                                      "grant_store_full",
                                                      "read_only"};
constexpr std::array<std::string_view, 5> risks = {"safe", "monitored", "guarded", "locked", "quarantined"};
constexpr std::array<std::string_view, 3> firmwares = {"none", "dell", "sim"};

// The word for a number; a newer kernel's numbers stay numbers.
template <std::size_t N>
std::string word(const std::array<std::string_view, N> &words, unsigned number) {
    return number < words.size() ? std::string(words.at(number)) : std::to_string(number);
}

bool is_about_register(const dsmil_event &event) {
    return event.type == DSMIL_EVENT_READ || event.type == DSMIL_EVENT_WRITE ||
           event.type == DSMIL_EVENT_REFUSED;
}

std::string action_of(const dsmil_event &event) {
    switch (event.type) {
    case DSMIL_EVENT_GAP:
        return "gap";
    case DSMIL_EVENT_FIRMWARE_ATTACHED:
        return "firmware_attached";
    case DSMIL_EVENT_FIRMWARE_DETACHED:
        return "firmware_detached";
    case DSMIL_EVENT_READ:
        return "read";
    case DSMIL_EVENT_WRITE:
    case DSMIL_EVENT_REFUSED:
        return "write";
    case DSMIL_EVENT_QUARANTINE_ADDED:
        return "quarantine_added";
    case DSMIL_EVENT_GRANT_KEY_ADDED:
        return "grant_key_added";
    case DSMIL_EVENT_GRANT_KEYS_SEALED:
        return "grant_keys_sealed";
    default:
        return std::format("event_{}", event.type);
    }
}

std::string outcome_of(const dsmil_event &event) {
    if (event.type == DSMIL_EVENT_GAP) {
        return "lost";
    }
    if (event.type == DSMIL_EVENT_REFUSED) {
        return "refused";
    }
    return event.result == 0 ? "ok" : "failed";
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
    const bool is_write = event.type == DSMIL_EVENT_WRITE || event.type == DSMIL_EVENT_REFUSED;
    if (!is_write || is_zero(grant.signer[0])) {
        return {};
    }
    std::vector<Field> fields = {{"grant_nonce", hex(grant.nonce)}, {"grant_signer", hex(grant.signer[0])}};
    if (!is_zero(grant.signer[1])) {
        fields.push_back({"grant_second_signer", hex(grant.signer[1])});
    }
    return fields;
}

std::vector<Field> values_of(const dsmil_event &event) {
    if (event.type == DSMIL_EVENT_GAP) {
        return {{"count", std::uint64_t{event.count}}, {"first_ns", std::uint64_t{event.first_ns}}};
    }
    if (event.type == DSMIL_EVENT_FIRMWARE_ATTACHED) {
        return {{"present", std::uint64_t{event.value}}};
    }
    if (event.type == DSMIL_EVENT_GRANT_KEYS_SEALED) {
        return {{"keys", std::uint64_t{event.value}}};
    }
    if (event.type == DSMIL_EVENT_GRANT_KEY_ADDED) {
        const auto &key = event.detail.key;
        return {{"key_id", hex(key.id)},
                {"owner", std::string(key.owner, std::ranges::find(key.owner, '\0'))}};
    }
    // A read that failed has no value; what a write wanted is worth knowing always.
    if (!is_about_register(event) || (event.type == DSMIL_EVENT_READ && event.result != 0)) {
        return {};
    }
    return {{"value", std::uint64_t{event.value}}};
}

std::vector<Field> context_of(const dsmil_event &event) {
    std::vector<Field> context = {{"firmware", word(firmwares, event.firmware_kind)}};
    if (is_about_register(event)) {
        context.push_back({"risk", word(risks, event.risk)});
    }
    if (event.type == DSMIL_EVENT_REFUSED) {
        context.push_back({"reason", word(reasons, event.reason)});
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
