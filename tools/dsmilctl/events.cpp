// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "device_view.hpp"
#include "dsmil/catalog.hpp"
#include "dsmil/event.hpp"
#include "dsmil/netlink.hpp"
#include "output.hpp"
#include "text.hpp"
#include "waiter.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <format>
#include <limits>
#include <string>
#include <vector>

namespace dsmilctl {
namespace {

std::string type_name(std::uint16_t type) {
    const auto word = dsmil::event_word(type);
    return word ? std::string(*word) : std::format("type_{}", type);
}

bool about_register(const dsmil_event &event) {
    return event.type == DSMIL_EVENT_READ || event.type == DSMIL_EVENT_WRITE ||
           event.type == DSMIL_EVENT_REFUSED || event.type == DSMIL_EVENT_CHANGED ||
           event.type == DSMIL_EVENT_BATCH_GRANT;
}

// The ids of the keys that signed the grant of a write; none without a grant.
std::vector<std::string> signers_of(const dsmil_event &event) {
    if (!about_register(event) || event.type == DSMIL_EVENT_READ || event.type == DSMIL_EVENT_CHANGED) {
        return {};
    }
    std::vector<std::string> ids;
    for (const auto &signer : event.detail.grant.signer) {
        if (std::ranges::any_of(signer, [](auto byte) { return byte != 0; })) {
            ids.push_back(dsmil::to_hex(signer));
        }
    }
    return ids;
}

std::string register_name(std::uint8_t reg) {
    return reg < DSMIL_REGISTER_COUNT ? std::string(dsmil::name(static_cast<dsmil::Register>(reg)))
                                      : std::format("register {}", reg);
}

// Who signed the grant of a write, shortened as keys are: the whole ids are in the JSON.
std::string grant_text(const dsmil_event &event) {
    std::string text;
    for (const auto &id : signers_of(event)) {
        text += std::format("{}{}", text.empty() ? ", grant of " : " and ", id.substr(0, 16));
    }
    return text;
}

std::string register_text(const dsmil_event &event) {
    auto text = std::format("{} of {}", register_name(event.reg), dsmil::describe_id(event.device_id));
    if (event.result == 0 || event.type != DSMIL_EVENT_READ) {
        text += std::format(" value {}", hex32(event.value));
    }
    text += grant_text(event);
    if (event.type == DSMIL_EVENT_CHANGED) {
        text += std::format(", before {}", hex32(event.detail.changed.before));
    } else if (event.type == DSMIL_EVENT_REFUSED) {
        text += ": " + reason_name(event.reason);
        text +=
            event.rule_token == event.token ? "" : " because of " + dsmil::describe_token(event.rule_token);
    } else if (event.result != 0) {
        text += std::format(" failed ({})", event.result);
    }
    return text;
}

std::string batch_part_text(const dsmil_event &event) {
    std::string text;
    auto index = event.count;
    for (const auto &operation : dsmil::operations_of(event)) {
        text += std::format("{}[{}] {}", text.empty() ? "" : ", ", index++, dsmil::describe(operation));
    }
    return text;
}

// What happened, without when, to whom and by whom.
std::string what(const dsmil_event &event) {
    switch (event.type) {
    case DSMIL_EVENT_GAP:
        return event.sequence == 0 ? "events were lost on the way here; the audit ring has them"
                                   : std::format("{} records are only counted", event.count);
    case DSMIL_EVENT_FIRMWARE_ATTACHED:
    case DSMIL_EVENT_FIRMWARE_DETACHED:
        return std::format("{}, {} devices", firmware_name(event.firmware_kind), event.value);
    case DSMIL_EVENT_QUARANTINE_ADDED:
        return dsmil::describe_id(event.device_id);
    case DSMIL_EVENT_GRANT_KEY_ADDED:
        return std::format("{} of {}", dsmil::to_hex(event.detail.key.id),
                           printable(text_of(event.detail.key.owner)));
    case DSMIL_EVENT_GRANT_KEYS_SEALED:
        return std::format("{} keys", event.value);
    case DSMIL_EVENT_BATCH:
        return std::format("{} operations, {} failed", event.count, event.value);
    case DSMIL_EVENT_BATCH_PART:
        return batch_part_text(event);
    case DSMIL_EVENT_SWEEP:
        return std::format("{} registers, {} errors, SHA-256 {}", event.count, event.value,
                           dsmil::to_hex(event.detail.digest));
    default:
        return about_register(event) ? register_text(event) : "";
    }
}

bool has_caller(const dsmil_event &event) {
    return event.type != DSMIL_EVENT_GAP && event.type != DSMIL_EVENT_BATCH_PART;
}

std::string text(const dsmil_event &event) {
    auto line = std::format("{} {} {}: {}", utc(event.realtime_ns), event.sequence, type_name(event.type),
                            what(event));
    if (has_caller(event)) {
        line += std::format(", by {}[{}] uid {}", printable(text_of(event.comm)), event.pid, event.uid);
    }
    return line;
}

boost::json::array operations_json(const dsmil_event &event) {
    boost::json::array array;
    auto index = event.count;
    for (const auto &operation : dsmil::operations_of(event)) {
        array.push_back({{"index", index++},
                         {"operation", operation.operation},
                         {"token", hex16(operation.token)},
                         {"value", hex32(operation.value)},
                         {"outcome", dsmil::outcome_of(operation)},
                         {"reason", reason_name(operation.reason)},
                         {"result", operation.result}});
    }
    return array;
}

// What only events of this type have.
void add_details(boost::json::object &object, const dsmil_event &event) {
    switch (event.type) {
    case DSMIL_EVENT_GAP:
        object["count"] = event.count;
        return;
    case DSMIL_EVENT_QUARANTINE_ADDED:
        object["id"] = hex16(event.device_id);
        return;
    case DSMIL_EVENT_GRANT_KEY_ADDED:
        object["key_id"] = dsmil::to_hex(event.detail.key.id);
        object["owner"] = printable(text_of(event.detail.key.owner));
        return;
    case DSMIL_EVENT_BATCH:
        object["count"] = event.count;
        object["failed"] = event.value;
        return;
    case DSMIL_EVENT_BATCH_PART:
        object["operations"] = operations_json(event);
        return;
    case DSMIL_EVENT_SWEEP:
        object["count"] = event.count;
        object["errors"] = event.value;
        object["sha256"] = dsmil::to_hex(event.detail.digest);
        return;
    case DSMIL_EVENT_BATCH_GRANT:
        object["index"] = event.count;
        return;
    case DSMIL_EVENT_CHANGED:
        object["before"] = hex32(event.detail.changed.before);
        return;
    default:
        if (!about_register(event)) {
            object["value"] = event.value;
        }
        return;
    }
}

boost::json::object json(const dsmil_event &event, std::string_view schema) {
    boost::json::object object{
        {"schema", schema},
        {"load_id", dsmil::to_hex(event.load_id)},
        {"sequence", event.sequence},
        {"time", utc(event.realtime_ns)},
        {"boottime_ns", event.boottime_ns},
        {"type", type_name(event.type)},
        {"firmware", firmware_name(event.firmware_kind)},
    };
    if (about_register(event)) {
        object["id"] = hex16(event.device_id);
        object["register"] = register_name(event.reg);
        object["token"] = hex16(event.token);
        object["risk"] = risk_name(event.risk);
        object["reason"] = reason_name(event.reason);
        object["rule_token"] = hex16(event.rule_token);
        object["value"] = hex32(event.value);
        object["result"] = event.result;
    }
    if (const auto signers = signers_of(event); !signers.empty()) {
        object["grant"] = {{"nonce", dsmil::to_hex(event.detail.grant.nonce)},
                           {"signers", boost::json::array(signers.begin(), signers.end())}};
    }
    if (has_caller(event)) {
        object["uid"] = event.uid;
        object["pid"] = event.pid;
        object["comm"] = printable(text_of(event.comm));
    }
    add_details(object, event);
    return object;
}

} // namespace

dsmil::Result<int> run_events(const Call &call, Output &out) {
    auto left = std::numeric_limits<std::uint64_t>::max();
    if (const auto count = call.option("--count")) {
        const auto number = parse_number("--count", *count, left);
        if (!number) {
            return std::unexpected(number.error());
        }
        left = *number;
    }
    out.may_lose_reader();
    const auto waiter = Waiter::make();
    if (!waiter) {
        return std::unexpected(waiter.error());
    }
    auto netlink = dsmil::Netlink::open();
    if (!netlink) {
        return std::unexpected(netlink.error());
    }
    if (auto joined = netlink->join_events(); !joined) {
        return std::unexpected(joined.error());
    }
    while (left > 0) {
        const auto woken = waiter->wait(netlink->fd());
        if (!woken) {
            return std::unexpected(woken.error());
        }
        if (*woken == Waiter::Woken::stopped) {
            return 0;
        }
        const auto events = netlink->receive();
        if (!events) {
            return std::unexpected(events.error());
        }
        for (const auto &event : *events) {
            if (left > 0) {
                left--;
                call.json ? out.object(json(event, call.command->schema)) : out.line(text(event));
            }
        }
        // Whoever follows wants each event now.
        if (!out.flush()) {
            return 0;
        }
    }
    return 0;
}

} // namespace dsmilctl
