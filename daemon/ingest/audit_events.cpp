// SPDX-License-Identifier: Apache-2.0
#include "ingest/audit_events.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>

namespace dsmil::ingest {
namespace {

constexpr std::string_view x86_64 = "c000003e"; // AUDIT_ARCH_X86_64
constexpr std::uint64_t nanoseconds_of_ms = 1'000'000;
constexpr std::size_t max_text_bytes = 512; // of a value that somebody else chose

// Single lines, which have no end of their own.
bool is_alone(std::string_view type) {
    constexpr std::array<std::string_view, 7> with_others = {"SYSCALL",   "PATH",        "CWD",     "EXECVE",
                                                             "PROCTITLE", "KERN_MODULE", "SOCKADDR"};
    return !std::ranges::contains(with_others, type);
}

template <typename Number>
std::optional<Number> number(std::string_view text, int base = 10) {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

struct Kind {
    std::string_view action;
    std::optional<std::uint16_t> device_id;
};

// The system calls of modules on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
std::optional<Kind> by_call(const AuditLine &call) {
    if (call.field("arch") != x86_64) {
        return std::nullopt;
    }
    const auto called = call.field("syscall");
    if (called == "175" || called == "313") { // init_module, finit_module
        return Kind{"module_load", std::nullopt};
    }
    return called == "176" ? std::optional(Kind{"module_unload", std::nullopt})
                           : std::nullopt; // delete_module
}

std::optional<Kind> by_path(std::string_view path) {
    constexpr std::string_view nodes = "/dev/dsmil/";
    constexpr std::array<std::string_view, 3> memory = {"/dev/mem", "/dev/kmem", "/dev/port"};
    if (std::ranges::contains(memory, path)) {
        return Kind{"memory_open", std::nullopt};
    }
    if (path.starts_with("/dev/wmi/dell-smbios") || path.starts_with("/sys/devices/platform/dcdbas")) {
        return Kind{"interface_open", std::nullopt};
    }
    if (path.starts_with(nodes)) {
        const auto id = number<std::uint16_t>(path.substr(nodes.size()), 16);
        return Kind{"node_open", id && *id >= 0x8000 ? id : std::nullopt};
    }
    return std::nullopt;
}

// Text of somebody else's as it fits into a record.
std::string text(std::string_view value) {
    const std::string_view kept = value.substr(0, max_text_bytes);
    return is_utf8(kept) ? std::string(kept) : printable(kept);
}

const AuditLine *find(const std::vector<AuditLine> &event, std::string_view type) {
    const auto line = std::ranges::find(event, type, &AuditLine::type);
    return line != event.end() ? &*line : nullptr;
}

std::optional<Kind> kind_of(const std::vector<AuditLine> &event, const AuditLine *call) {
    if (const auto kind = call != nullptr ? by_call(*call) : std::nullopt) {
        return kind;
    }
    for (const auto &line : event) {
        if (const auto kind = line.type == "PATH" ? by_path(line.field("name")) : std::nullopt) {
            return kind;
        }
    }
    if (find(event, "KERN_MODULE") != nullptr) {
        return Kind{"module_load", std::nullopt};
    }
    const bool ours = std::ranges::any_of(
        event, [](const AuditLine &line) { return line.field("key").starts_with("dsmil"); });
    return ours ? std::optional(Kind{"audited", std::nullopt}) : std::nullopt;
}

void add(std::vector<ledger::Field> &fields, std::string name, std::string_view value) {
    if (!value.empty() && value != "(null)") {
        fields.push_back({std::move(name), text(value)});
    }
}

} // namespace

std::vector<std::vector<AuditLine>> AuditEvents::take(AuditLine line) {
    std::vector<std::vector<AuditLine>> whole;
    const auto same = std::ranges::find_if(open_, [&](const auto &event) {
        return event.front().serial == line.serial && event.front().time_ms == line.time_ms;
    });
    const bool ends = line.type == "EOE";
    if (same == open_.end()) {
        if (ends) {
            return whole;
        }
        if (is_alone(line.type)) {
            whole.emplace_back().push_back(std::move(line));
            return whole;
        }
        if (open_.size() == max_open) {
            whole.push_back(std::move(open_.front()));
            open_.pop_front();
        }
        open_.emplace_back().push_back(std::move(line));
        return whole;
    }
    if (ends) {
        whole.push_back(std::move(*same));
        open_.erase(same);
    } else if (same->size() < max_event_lines) {
        same->push_back(std::move(line));
    }
    return whole;
}

std::vector<std::vector<AuditLine>> AuditEvents::flush() {
    std::vector<std::vector<AuditLine>> whole(std::make_move_iterator(open_.begin()),
                                              std::make_move_iterator(open_.end()));
    open_.clear();
    return whole;
}

std::optional<ledger::Record> audit_record(const std::vector<AuditLine> &event) {
    if (event.empty()) {
        return std::nullopt;
    }
    const auto *call = find(event, "SYSCALL");
    const auto kind = kind_of(event, call);
    if (!kind) {
        return std::nullopt;
    }
    ledger::Record record;
    record.source = "audit";
    record.realtime_ns = event.front().time_ms * nanoseconds_of_ms;
    record.action = kind->action;
    record.outcome = call != nullptr && call->field("success") == "no" ? "failed" : "ok";
    record.device_id = kind->device_id;
    record.values.push_back({"serial", event.front().serial});
    if (call != nullptr) {
        record.actor = ledger::Actor{.uid = number<std::uint32_t>(call->field("uid")).value_or(0),
                                     .pid = number<std::uint32_t>(call->field("pid")).value_or(0),
                                     .comm = std::string(call->field("comm").substr(0, 64)),
                                     .cgroup_id = 0};
        if (const auto login = number<std::uint32_t>(call->field("auid")); login && *login != UINT32_MAX) {
            record.values.push_back({"login_uid", std::uint64_t{*login}});
        }
        if (const auto result = number<std::int64_t>(call->field("exit")); result && *result < 0) {
            record.context.push_back({"errno", static_cast<std::uint64_t>(-(*result + 1)) + 1});
        }
        add(record.context, "exe", call->field("exe"));
        add(record.context, "key", call->field("key"));
    } else {
        add(record.context, "key", event.front().field("key"));
    }
    if (const auto *module = find(event, "KERN_MODULE")) {
        add(record.context, "module", module->field("name"));
    }
    for (const auto &line : event) {
        // The last of them is what was opened; those before are its folders.
        if (line.type == "PATH" && !line.field("name").empty()) {
            std::erase_if(record.context, [](const ledger::Field &field) { return field.name == "path"; });
            add(record.context, "path", line.field("name"));
        }
    }
    return record;
}

} // namespace dsmil::ingest
