// SPDX-License-Identifier: Apache-2.0
// The operations on responses to intrusions.
#include "api/api.hpp"
#include "api/device_request.hpp"
#include "api/recorded.hpp"
#include "dsmil/catalog.hpp"

#include <boost/json/array.hpp>
#include <format>

namespace dsmil::api {
namespace {

using boost::json::array;
using boost::json::object;

std::string id_text(std::uint16_t id) {
    return std::format("0x{:04X}", id);
}

template <std::size_t N>
array words_of(const std::bitset<N> &bits, const std::array<std::string_view, N> &words) {
    array all;
    for (std::size_t i = 0; i < N; i++) {
        if (bits.test(i)) {
            all.emplace_back(words.at(i));
        }
    }
    return all;
}

object rule_json(const response::Rule &rule) {
    array devices;
    for (const auto device : rule.devices) {
        devices.emplace_back(id_text(device));
    }
    array registers;
    for (const auto reg : {Register::status, Register::config, Register::data}) {
        if (rule.registers.test(static_cast<std::size_t>(reg))) {
            registers.emplace_back(name(reg));
        }
    }
    return {{"name", rule.name},
            {"devices", std::move(devices)},
            {"when", words_of(rule.when, response::condition_words)},
            {"registers", std::move(registers)},
            {"at_least", rule.at_least},
            {"within_seconds", rule.within_seconds},
            {"again_after_seconds", rule.again_after_seconds},
            {"do", words_of(rule.actions, response::action_words)}};
}

object standing_json(std::uint16_t device, const response::Standing &standing) {
    object shown = {{"device", id_text(device)},
                    {"grants_denied", standing.denied},
                    {"quarantine", standing.quarantined        ? "done"
                                   : standing.quarantine_asked ? "asked"
                                                               : "none"},
                    {"rule", nullptr},
                    {"record", nullptr}};
    if (!standing.rule.empty()) {
        shown["rule"] = standing.rule;
        shown["record"] = standing.record;
    }
    return shown;
}

} // namespace

void Api::device_responses(const Request & /*request*/, Then<Result<Response>> then) {
    array rules;
    for (const auto &rule : responder_.rules()) {
        rules.push_back(rule_json(rule));
    }
    array devices;
    for (const auto &[device, standing] : responder_.standings()) {
        devices.push_back(standing_json(device, standing));
    }
    then(json_response({{"rules", std::move(rules)}, {"devices", std::move(devices)}}));
}

void Api::device_clear(const Request &request, Then<Result<Response>> then) {
    const auto wanted = parse_device_request(request.body, {});
    if (!wanted) {
        then(std::unexpected(wanted.error()));
        return;
    }
    auto record = record_for(ledger_, {}, request.peer);
    record.outcome = "ok";
    responder_.clear(
        wanted->device, std::move(record),
        [device = wanted->device, then = std::move(then)](Result<void> cleared) mutable {
            then(std::move(cleared).transform([&] { return json_response({{"device", id_text(device)}}); }));
        });
}

} // namespace dsmil::api
