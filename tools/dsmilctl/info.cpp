// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "device_view.hpp"
#include "output.hpp"
#include "text.hpp"

#include <ctime>
#include <format>

namespace dsmilctl {
namespace {

constexpr std::uint64_t ns_a_second = 1'000'000'000;

std::uint64_t seconds_since(std::uint64_t boottime_ns) {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    const auto now_ns =
        static_cast<std::uint64_t>(now.tv_sec) * ns_a_second + static_cast<std::uint64_t>(now.tv_nsec);
    return now_ns > boottime_ns ? (now_ns - boottime_ns) / ns_a_second : 0;
}

boost::json::object json(const dsmil_info &info, std::string_view schema) {
    boost::json::object risks;
    for (std::uint32_t risk = 0; risk <= DSMIL_RISK_QUARANTINED; risk++) {
        risks[risk_name(risk)] = info.risk_count[risk];
    }
    return {
        {"schema", schema},
        {"program_version", DSMIL_VERSION},
        {"module_version", text_of(info.module_version)},
        {"api_version", info.api_version},
        {"event_schema_version", info.event_schema_version},
        {"firmware", firmware_name(info.firmware_kind)},
        {"firmware_name", text_of(info.firmware_name)},
        {"load_id", dsmil::to_hex(info.load_id)},
        {"loaded_seconds", seconds_since(info.loaded_ns)},
        {"devices", info.device_count},
        {"present", info.present_count},
        {"risks", std::move(risks)},
        {"reads", info.reads},
        {"writes", info.writes},
        {"refused", info.refused},
        {"firmware_errors", info.firmware_errors},
        {"audit",
         {{"head", info.audit_head},
          {"tail", info.audit_tail},
          {"capacity", info.audit_capacity},
          {"gaps", info.audit_gaps},
          {"refused", info.audit_refused},
          {"reader", info.audit_reader != 0}}},
        {"observers", info.observers},
        {"quarantine_added", info.quarantine_added},
        {"firmware_read_only", info.firmware_read_only != 0},
        {"grants",
         {{"supported", info.grants_supported != 0},
          {"keys", info.grant_keys},
          {"sealed", info.grant_keys_sealed != 0},
          {"used", info.grant_nonces}}},
    };
}

std::string grants_text(const dsmil_info &info) {
    if (info.grants_supported == 0) {
        return "this kernel cannot check signatures (no ECDSA)";
    }
    return std::format("{} keys{}, {} of {} grants used", info.grant_keys,
                       info.grant_keys_sealed != 0 ? ", sealed" : "", info.grant_nonces,
                       DSMIL_GRANT_NONCES_MAX);
}

void print_text(const dsmil_info &info, Output &out) {
    std::string risks;
    for (std::uint32_t risk = 0; risk <= DSMIL_RISK_QUARANTINED; risk++) {
        risks += std::format("{}{} {}", risk == 0 ? "" : ", ", info.risk_count[risk], risk_name(risk));
    }
    const auto name = text_of(info.firmware_name);
    out.table({
        {"program", DSMIL_VERSION},
        {"module", std::format("{} (interface {}, events {})", text_of(info.module_version), info.api_version,
                               info.event_schema_version)},
        {"firmware", info.firmware_kind == DSMIL_FIRMWARE_NONE
                         ? "none"
                         : std::format("{}{}", firmware_name(info.firmware_kind),
                                       name.empty() ? "" : std::format(" ({})", name)) +
                               (info.firmware_read_only != 0 ? ", takes no writes" : "")},
        {"devices", std::format("{} of {} present", info.present_count, info.device_count)},
        {"risks", risks},
        {"loaded", std::format("{} ago", duration(seconds_since(info.loaded_ns)))},
        {"load id", dsmil::to_hex(info.load_id)},
        {"reads", std::to_string(info.reads)},
        {"writes", std::to_string(info.writes)},
        {"refused", std::to_string(info.refused)},
        {"firmware errors", std::to_string(info.firmware_errors)},
        {"audit ring",
         std::format("{} of {} records wait, {}, next is {}, {} only counted, {} writes refused",
                     info.audit_head - info.audit_tail, info.audit_capacity,
                     info.audit_reader != 0 ? "a reader is there" : "no reader", info.audit_head,
                     info.audit_gaps, info.audit_refused)},
        {"observers", std::to_string(info.observers)},
        {"quarantine", std::format("{} devices added", info.quarantine_added)},
        {"grants", grants_text(info)},
    });
}

} // namespace

dsmil::Result<int> run_info(const Call &call, Output &out) {
    const auto control = dsmil::Control::open(call.paths);
    if (!control) {
        return std::unexpected(control.error());
    }
    const auto info = control->info();
    if (!info) {
        return std::unexpected(info.error());
    }
    if (call.json) {
        out.object(json(*info, call.command->schema));
    } else {
        print_text(*info, out);
    }
    return 0;
}

} // namespace dsmilctl
