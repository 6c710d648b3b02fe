// SPDX-License-Identifier: Apache-2.0
#include "sinks/record_text.hpp"

#include "base/bytes.hpp"
#include "ledger/record_json.hpp"

#include <boost/json/serialize.hpp>
#include <chrono>
#include <format>

namespace dsmil::sinks {
namespace {

constexpr unsigned information = 6;
constexpr unsigned warning = 4;
constexpr unsigned facility_local0 = 16;
constexpr unsigned severities = 8;

} // namespace

std::string json_text(const ledger::Record &record) {
    return boost::json::serialize(to_json(record));
}

std::string summary(const ledger::Record &record) {
    std::string text = std::format("{} {}", record.action, record.outcome);
    std::string_view separator = ": ";
    if (record.device_id) {
        text += std::format("{}device 0x{:04X}", separator, *record.device_id);
        separator = ", ";
    }
    if (record.actor) {
        text += std::format("{}uid {}, {}[{}]", separator, record.actor->uid, record.actor->comm,
                            record.actor->pid);
    }
    return printable(text);
}

unsigned severity(const ledger::Record &record) {
    return record.outcome == "ok" ? information : warning;
}

std::vector<std::string> journal_fields(const ledger::Record &record) {
    std::vector<std::string> fields = {
        "MESSAGE=" + summary(record),      std::format("PRIORITY={}", severity(record)),
        "SYSLOG_IDENTIFIER=dsmil-ledger",  std::format("DSMIL_SEQUENCE={}", record.sequence),
        "DSMIL_SOURCE=" + record.source,   "DSMIL_ACTION=" + record.action,
        "DSMIL_OUTCOME=" + record.outcome, "DSMIL_RECORD=" + json_text(record),
    };
    if (record.device_id) {
        fields.push_back(std::format("DSMIL_DEVICE_ID=0x{:04X}", *record.device_id));
    }
    if (record.actor) {
        fields.push_back(std::format("DSMIL_UID={}", record.actor->uid));
        fields.push_back(std::format("DSMIL_PID={}", record.actor->pid));
    }
    return fields;
}

std::string syslog_line(const ledger::Record &record) {
    const std::chrono::sys_time<std::chrono::nanoseconds> time{
        std::chrono::nanoseconds(static_cast<std::int64_t>(record.realtime_ns))};
    return std::format("<{}>{:%b %e %T} dsmil-ledger: {}", facility_local0 * severities + severity(record),
                       std::chrono::floor<std::chrono::seconds>(time), json_text(record));
}

} // namespace dsmil::sinks
