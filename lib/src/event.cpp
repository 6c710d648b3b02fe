// SPDX-License-Identifier: Apache-2.0
#include "dsmil/event.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <format>

namespace dsmil {
namespace {

constexpr std::array<std::string_view, 15> events = {"",
                                                     "gap",
                                                     "firmware_attached",
                                                     "firmware_detached",
                                                     "read",
                                                     "write",
                                                     "refused",
                                                     "quarantine_added",
                                                     "grant_key_added",
                                                     "grant_keys_sealed",
                                                     "batch",
                                                     "batch_part",
                                                     "sweep",
                                                     "changed",
                                                     "batch_grant"};
constexpr std::array<std::string_view, 5> risks = {"safe", "monitored", "guarded", "locked", "quarantined"};
constexpr std::array<std::string_view, 26> reasons = {"allowed",
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
                                                      "read_only",
                                                      "grant_unchecked"};
constexpr std::array<std::string_view, 3> firmwares = {"none", "dell", "sim"};

template <std::size_t N>
std::optional<std::string_view> word(const std::array<std::string_view, N> &words, std::uint32_t number) {
    if (number >= words.size() || words.at(number).empty()) {
        return std::nullopt;
    }
    return words.at(number);
}

std::string kind_of(const dsmil_event_operation &operation) {
    switch (operation.operation) {
    case DSMIL_BATCH_READ:
        return "read";
    case DSMIL_BATCH_WRITE:
        return "write";
    default:
        return std::format("operation {}", operation.operation);
    }
}

} // namespace

std::optional<std::string_view> event_word(std::uint32_t type) {
    return word(events, type);
}

std::optional<std::string_view> risk_word(std::uint32_t risk) {
    return word(risks, risk);
}

std::optional<std::string_view> reason_word(std::uint32_t reason) {
    return word(reasons, reason);
}

std::optional<std::string_view> firmware_word(std::uint32_t kind) {
    return word(firmwares, kind);
}

std::span<const dsmil_event_operation> operations_of(const dsmil_event &event) {
    if (event.type != DSMIL_EVENT_BATCH_PART) {
        return {};
    }
    const std::span<const dsmil_event_operation> all(event.detail.operations);
    return all.first(std::min<std::size_t>(event.value, all.size()));
}

std::string_view outcome_of(const dsmil_event_operation &operation) {
    if (operation.result == 0) {
        return "ok";
    }
    return operation.result == -EPERM && operation.reason != DSMIL_REASON_ALLOWED ? "refused" : "failed";
}

std::string describe(const dsmil_event_operation &operation) {
    auto text =
        kind_of(operation) + (operation.token == 0 ? " -" : std::format(" 0x{:04X}", operation.token));
    const auto outcome = outcome_of(operation);
    // A read that failed has no value; what a write wanted is worth knowing always.
    if (operation.operation != DSMIL_BATCH_READ || outcome == "ok") {
        text += std::format(" value 0x{:08x}", operation.value);
    }
    text += std::format(" {}", outcome);
    if (outcome == "refused") {
        const auto reason = reason_word(operation.reason);
        return text + " " + (reason ? std::string(*reason) : std::to_string(operation.reason));
    }
    return outcome == "ok" ? text : text + std::format(" {}", operation.result);
}

} // namespace dsmil
