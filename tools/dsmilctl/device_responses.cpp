// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "output.hpp"
#include "text.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <format>

namespace dsmilctl {
namespace {

using boost::json::array;
using boost::json::object;
using dsmil::Result;

constexpr std::chrono::seconds patience{120};

// Those objects of a list in the answer that are `wanted`.
template <typename Wanted>
Result<array> objects_of(const object &answer, std::string_view name, Wanted wanted) {
    const auto *member = answer.if_contains(name);
    if (member == nullptr || !member->is_array()) {
        return dsmil::fail(dsmil::Code::failed, std::format("the answer of dsmild has no {}", name));
    }
    array found;
    for (const auto &each : member->get_array()) {
        if (!each.is_object()) {
            return dsmil::fail(dsmil::Code::failed,
                               std::format("{} in the answer of dsmild are no objects", name));
        }
        if (wanted(each.get_object())) {
            found.push_back(each);
        }
    }
    return found;
}

// Of an array of texts that has it.
bool names(const object &rule, std::string_view device) {
    const auto *devices = rule.if_contains("devices");
    return devices != nullptr && devices->is_array() &&
           std::ranges::any_of(devices->get_array(), [&](const boost::json::value &each) {
               return each.is_string() && each.get_string() == device;
           });
}

std::string joined(const object &rule, std::string_view member) {
    std::string all;
    const auto *list = rule.if_contains(member);
    if (list != nullptr && list->is_array()) {
        for (const auto &each : list->get_array()) {
            const std::string text = each.is_string() ? printable(std::string(each.get_string())) : "?";
            all += (all.empty() ? "" : " ") + text;
        }
    }
    return all;
}

std::string number(const object &rule, std::string_view member) {
    const auto value = number_member(rule, member);
    return value ? std::to_string(*value) : "?";
}

void show_rule(Output &out, const object &rule) {
    const auto *devices = rule.if_contains("devices");
    const bool is_all =
        devices != nullptr && devices->is_array() && devices->get_array().size() == dsmil::catalog().size();
    const auto actions = joined(rule, "do");
    out.line(std::format(
        "{}: {} {}x in {} s, {}: record{}{}", printable(string_member(rule, "name").value_or("?")),
        joined(rule, "when"), number(rule, "at_least"), number(rule, "within_seconds"),
        is_all ? "all devices" : joined(rule, "devices"), actions.empty() ? "" : " ", actions));
}

void show_device(Output &out, const object &standing) {
    const auto *denied = standing.if_contains("grants_denied");
    const auto rule = string_member(standing, "rule");
    std::string line = printable(string_member(standing, "device").value_or("?")) + ": ";
    line +=
        denied != nullptr && denied->is_bool() && denied->get_bool() ? "grants denied" : "grants as usual";
    line += ", quarantine " + printable(string_member(standing, "quarantine").value_or("?"));
    if (rule) {
        line += std::format(", by {} after record {}", printable(*rule), number(standing, "record"));
    }
    out.line(line);
}

} // namespace

dsmil::Result<int> run_device_responses(const Call &call, Output &out) {
    std::string only;
    if (const auto typed = call.option("DEVICE")) {
        const auto device = parse_device(*typed);
        if (!device) {
            return std::unexpected(device.error());
        }
        only = hex16((*device)->id);
    }
    const auto answer =
        ApiClient(call.socket).get("/v1/device/responses", patience).and_then([](const std::string &text) {
            return decode_object("dsmild", text);
        });
    const auto rules = answer.and_then([&](const object &all) {
        return objects_of(all, "rules",
                          [&](const object &rule) { return only.empty() || names(rule, only); });
    });
    const auto devices = answer.and_then([&](const object &all) {
        return objects_of(all, "devices", [&](const object &standing) {
            return only.empty() || string_member(standing, "device").value_or("") == only;
        });
    });
    if (!rules || !devices) {
        return std::unexpected(!rules ? rules.error() : devices.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"rules", *rules}, {"devices", *devices}});
        return 0;
    }
    for (const auto &rule : *rules) {
        show_rule(out, rule.get_object());
    }
    for (const auto &standing : *devices) {
        show_device(out, standing.get_object());
    }
    return 0;
}

dsmil::Result<int> run_device_clear(const Call &call, Output &out) {
    const auto device = parse_device(call.argument("DEVICE"));
    if (!device) {
        return std::unexpected(device.error());
    }
    const auto cleared = ApiClient(call.socket)
                             .post("/v1/device/clear",
                                   boost::json::serialize(object{{"device", hex16((*device)->id)}}), patience)
                             .and_then([](const std::string &text) { return decode_object("dsmild", text); });
    if (!cleared) {
        return std::unexpected(cleared.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"device", hex16((*device)->id)}});
    }
    return 0;
}

} // namespace dsmilctl
