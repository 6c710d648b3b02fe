// SPDX-License-Identifier: Apache-2.0
#include "tpm/watch.hpp"

#include "base/file.hpp"
#include "tpm/tpm.hpp"

#include <algorithm>
#include <charconv>
#include <format>
#include <ranges>

namespace dsmil::tpm {
namespace {

constexpr std::size_t max_mark_bytes = 1'024;
constexpr std::size_t max_name_bytes = 256;

std::string mark_path(const std::string &state_dir) {
    return state_dir + "/tpm-mark";
}

template <typename Number>
bool take(std::string_view text, Number &place) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), place);
    return error == std::errc{} && end == text.data() + text.size();
}

bool is_word(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-'; });
}

std::string null_name(const std::string &path) {
    auto text = read_file(path, max_name_bytes).value_or("");
    while (text.ends_with('\n')) {
        text.pop_back();
    }
    return is_word(text) ? text : std::string{};
}

SecurityEvent counts(std::string action, std::string message, const Mark &before, const Mark &now) {
    return {std::move(action),
            std::move(message),
            {{"reset_count", std::to_string(now.reset_count)},
             {"reset_count_before", std::to_string(before.reset_count)},
             {"restart_count", std::to_string(now.restart_count)},
             {"restart_count_before", std::to_string(before.restart_count)}}};
}

std::vector<SecurityEvent> compare_within_boot(const Mark &before, const Mark &now) {
    std::vector<SecurityEvent> events;
    if (now.reset_count != before.reset_count) {
        events.push_back(counts("tpm_reset",
                                "the TPM was reset while the system ran: its PCRs began anew and say nothing "
                                "about this boot",
                                before, now));
    } else if (now.restart_count != before.restart_count) {
        events.push_back(counts("tpm_restarted", "the TPM went through a resume of the system", before, now));
    }
    if (now.null_name != before.null_name) {
        events.push_back(
            {"tpm_null_key_changed",
             "the kernel's key in the null hierarchy is another one: the TPM was reset, or somebody "
             "answers in its place",
             {{"null_name", now.null_name}, {"null_name_before", before.null_name}}});
    }
    return events;
}

} // namespace

Result<Mark> read_mark(Tpm &tpm, const std::string &boot_id, const std::string &null_name_path) {
    TPMS_TIME_INFO *time = nullptr;
    auto read = tpm.context().run(
        "ReadClock", "reading the TPM's counts of resets",
        [&](ESYS_CONTEXT *esys) {
            return Esys_ReadClock_Async(esys, tpm.session().handle(Protect::authentic), ESYS_TR_NONE,
                                        ESYS_TR_NONE);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_ReadClock_Finish(esys, &time); });
    const EsysPtr<TPMS_TIME_INFO> owned(time);
    if (!read) {
        return std::unexpected(std::move(read.error()));
    }
    return Mark{.boot_id = boot_id,
                .reset_count = time->clockInfo.resetCount,
                .restart_count = time->clockInfo.restartCount,
                .null_name = null_name(null_name_path),
                .nv_writes = 0};
}

std::vector<SecurityEvent> compare(const Mark &before, const Mark &now) {
    if (before.boot_id == now.boot_id) {
        return compare_within_boot(before, now);
    }
    if (now.reset_count < before.reset_count) {
        return {counts("tpm_count_went_back",
                       "the TPM counts fewer resets than before: it was cleared or exchanged", before, now)};
    }
    if (now.reset_count == before.reset_count) {
        return {
            counts("tpm_not_reset",
                   "the system booted again and the TPM was not reset with it (kexec does this): its PCRs "
                   "hold the boot before, too",
                   before, now)};
    }
    return {};
}

std::string format_mark(const Mark &mark) {
    return std::format("boot_id {}\nreset_count {}\nrestart_count {}\nnull_name {}\nnv_writes {}\n",
                       mark.boot_id, mark.reset_count, mark.restart_count, mark.null_name, mark.nv_writes);
}

Result<Mark> parse_mark(std::string_view text) {
    Mark mark;
    std::size_t lines = 0;
    bool right = text.ends_with('\n');
    for (const auto part : std::views::split(text, '\n')) {
        const std::string_view line(part);
        const auto space = line.find(' ');
        if (line.empty()) {
            continue;
        }
        const auto name = line.substr(0, space);
        const auto value = space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
        lines++;
        right = right && ((name == "boot_id" && is_word(value)) || (name == "null_name" && is_word(value)) ||
                          (name == "reset_count" && take(value, mark.reset_count)) ||
                          (name == "restart_count" && take(value, mark.restart_count)) ||
                          (name == "nv_writes" && take(value, mark.nv_writes)));
        if (name == "boot_id") {
            mark.boot_id = value;
        } else if (name == "null_name") {
            mark.null_name = value;
        }
    }
    if (!right || lines != 5) {
        return fail(Code::tpm_changed, "tpm-mark of the state directory is damaged");
    }
    return mark;
}

Result<std::optional<Mark>> load_mark(const std::string &state_dir) {
    const auto text = read_file(mark_path(state_dir), max_mark_bytes);
    if (!text) {
        return text.error().code == Code::not_found ? Result<std::optional<Mark>>(std::nullopt)
                                                    : std::unexpected(text.error());
    }
    return parse_mark(*text).transform([](Mark mark) { return std::optional(std::move(mark)); });
}

Result<void> save_mark(const std::string &state_dir, const Mark &mark) {
    const std::string text = format_mark(mark);
    return write_file(mark_path(state_dir), as_bytes(text), 0640);
}

} // namespace dsmil::tpm
