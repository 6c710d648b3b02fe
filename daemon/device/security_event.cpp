// SPDX-License-Identifier: Apache-2.0
#include "device/security_event.hpp"

#include "device/words.hpp"
#include "dsmil/catalog.hpp"

#include <format>
#include <iterator>
#include <type_traits>
#include <variant>

namespace dsmil {
namespace {

// A name of several words must not read as a name and a value.
std::string word(std::string_view text) {
    std::string shown = in_one_line(text);
    for (std::size_t at = 0; (at = shown.find(' ', at)) != std::string::npos;) {
        shown.replace(at, 1, "\\x20");
    }
    return shown;
}

std::string value_of(const ledger::Field &field) {
    return std::visit(
        [](const auto &value) {
            using T = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<T, std::string>) {
                return in_one_line(value);
            } else if constexpr (std::is_same_v<T, Bytes>) {
                return to_hex(value);
            } else {
                return std::to_string(value);
            }
        },
        field.value);
}

void put_fields(std::string &text, std::string_view kind, const std::vector<ledger::Field> &fields) {
    for (const auto &field : fields) {
        std::format_to(std::back_inserter(text), "{} {} {}\n", kind, word(field.name), value_of(field));
    }
}

} // namespace

Result<std::string> security_event(const ledger::Record &record, std::string_view origin, const Hash &leaf) {
    if (!record.device_id) {
        return fail(Code::usage, std::format("record {} is about no device", record.sequence));
    }
    std::string text = std::format("dsmil-security-event-v1\ndevice 0x{:04X}\norigin {}\nrecord {}\n"
                                   "leaf_sha256 {}\nboot_id {}\nrealtime_ns {}\nboottime_ns {}\n"
                                   "source {}\naction {}\noutcome {}\n",
                                   *record.device_id, word(origin), record.sequence, to_hex(leaf),
                                   to_hex(record.boot_id), record.realtime_ns, record.boottime_ns,
                                   word(record.source), word(record.action), word(record.outcome));
    const auto out = std::back_inserter(text);
    if (record.reg && *record.reg <= static_cast<std::uint8_t>(Register::data)) {
        std::format_to(out, "register {}\n", name(Register{*record.reg}));
    }
    if (record.token) {
        std::format_to(out, "token 0x{:04X}\n", *record.token);
    }
    if (record.actor) {
        std::format_to(out, "actor {} {} {}\n", record.actor->uid, record.actor->pid,
                       in_one_line(record.actor->comm));
    }
    put_fields(text, "value", record.values);
    put_fields(text, "context", record.context);
    return text;
}

} // namespace dsmil
