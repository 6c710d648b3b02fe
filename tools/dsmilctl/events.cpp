// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "device_view.hpp"
#include "dsmil/netlink.hpp"
#include "output.hpp"
#include "text.hpp"
#include "waiter.hpp"

#include <array>
#include <format>
#include <limits>

namespace dsmilctl {
namespace {

std::string type_name(std::uint16_t type) {
    constexpr std::array<std::string_view, 7> names = {
        "", "gap", "firmware_attached", "firmware_detached", "read", "write", "refused"};
    return type > 0 && type < names.size() ? std::string(names.at(type)) : std::format("type_{}", type);
}

bool about_register(const dsmil_event &event) {
    return event.type == DSMIL_EVENT_READ || event.type == DSMIL_EVENT_WRITE ||
           event.type == DSMIL_EVENT_REFUSED;
}

std::string register_name(std::uint8_t reg) {
    return reg < DSMIL_REGISTER_COUNT ? std::string(dsmil::name(static_cast<dsmil::Register>(reg)))
                                      : std::format("register {}", reg);
}

std::string text(const dsmil_event &event) {
    auto line = std::format("{} {} {}", utc(event.realtime_ns), event.sequence, type_name(event.type));
    if (event.type == DSMIL_EVENT_GAP) {
        return event.sequence == 0 ? line + ": events were lost on the way here; the audit ring has them"
                                   : std::format("{}: {} records are only counted", line, event.count);
    }
    if (event.type == DSMIL_EVENT_FIRMWARE_ATTACHED || event.type == DSMIL_EVENT_FIRMWARE_DETACHED) {
        return std::format("{} {}: {} devices", line, firmware_name(event.firmware_kind), event.value);
    }
    if (!about_register(event)) {
        return line;
    }
    line += std::format(" {} of {}", register_name(event.reg), dsmil::describe_id(event.device_id));
    if (event.result == 0 || event.type != DSMIL_EVENT_READ) {
        line += std::format(" value {}", hex32(event.value));
    }
    if (event.type == DSMIL_EVENT_REFUSED) {
        line += ": " + reason_name(event.reason);
        line +=
            event.rule_token == event.token ? "" : " because of " + dsmil::describe_token(event.rule_token);
    } else if (event.result != 0) {
        line += std::format(" failed ({})", event.result);
    }
    return std::format("{}, by {}[{}] uid {}", line, printable(text_of(event.comm)), event.pid, event.uid);
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
    if (event.type == DSMIL_EVENT_GAP) {
        object["count"] = event.count;
    } else if (about_register(event)) {
        object["id"] = hex16(event.device_id);
        object["register"] = register_name(event.reg);
        object["token"] = hex16(event.token);
        object["risk"] = risk_name(event.risk);
        object["reason"] = reason_name(event.reason);
        object["rule_token"] = hex16(event.rule_token);
        object["value"] = hex32(event.value);
        object["result"] = event.result;
        object["uid"] = event.uid;
        object["pid"] = event.pid;
        object["comm"] = printable(text_of(event.comm));
    } else {
        object["value"] = event.value;
    }
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
