// SPDX-License-Identifier: Apache-2.0
#include "ledger/record_json.hpp"

#include "base/bytes.hpp"
#include "dsmil/catalog.hpp"

#include <chrono>
#include <format>
#include <type_traits>

namespace dsmil::ledger {
namespace {

// JSON is UTF-8: bytes that are not appear as \xNN.
std::string printable(const std::string &text) {
    if (is_utf8(text)) {
        return text;
    }
    std::string shown;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        shown += byte < 0x80 ? std::string(1, c) : std::format("\\x{:02x}", byte);
    }
    return shown;
}

boost::json::object to_json(const std::vector<Field> &fields) {
    boost::json::object object;
    for (const auto &field : fields) {
        std::visit(
            [&](const auto &value) {
                using T = std::decay_t<decltype(value)>;
                if constexpr (std::is_same_v<T, std::string>) {
                    object[field.name] = printable(value);
                } else if constexpr (std::is_same_v<T, Bytes>) {
                    object[field.name] = to_hex(value);
                } else {
                    object[field.name] = value;
                }
            },
            field.value);
    }
    return object;
}

std::string time_text(std::uint64_t realtime_ns) {
    const std::chrono::sys_time<std::chrono::nanoseconds> time{
        std::chrono::nanoseconds(static_cast<std::int64_t>(realtime_ns))};
    return std::format("{:%FT%TZ}", time);
}

} // namespace

boost::json::object to_json(const Record &record) {
    boost::json::object object = {
        {"sequence", record.sequence},       {"time", time_text(record.realtime_ns)},
        {"boottime_ns", record.boottime_ns}, {"boot_id", to_hex(record.boot_id)},
        {"source", record.source},
    };
    if (record.ring) {
        object["load_id"] = to_hex(record.ring->load_id);
        object["ring_sequence"] = record.ring->sequence;
    }
    if (record.device_id) {
        object["device_id"] = std::format("0x{:04X}", *record.device_id);
    }
    if (record.reg) {
        object["register"] = *record.reg < 3 ? boost::json::value(name(static_cast<Register>(*record.reg)))
                                             : boost::json::value(std::to_string(*record.reg));
    }
    if (record.token) {
        object["token"] = std::format("0x{:04X}", *record.token);
    }
    if (record.actor) {
        object["actor"] = {{"uid", record.actor->uid},
                           {"pid", record.actor->pid},
                           {"comm", printable(record.actor->comm)},
                           {"cgroup_id", record.actor->cgroup_id}};
    }
    object["action"] = record.action;
    object["outcome"] = record.outcome;
    object["values"] = to_json(record.values);
    object["context"] = to_json(record.context);
    return object;
}

} // namespace dsmil::ledger
