// SPDX-License-Identifier: Apache-2.0
#include "batch_text.hpp"

#include "text.hpp"

#include <format>
#include <limits>
#include <linux/dsmil.h>

namespace dsmilctl {
namespace {

std::vector<std::string_view> words_of(std::string_view line) {
    constexpr std::string_view blanks = " \t\r";
    std::vector<std::string_view> words;
    line = line.substr(0, line.find('#'));
    for (;;) {
        const auto begin = line.find_first_not_of(blanks);
        if (begin == std::string_view::npos) {
            return words;
        }
        line.remove_prefix(begin);
        const auto end = line.find_first_of(blanks);
        words.push_back(line.substr(0, end));
        line.remove_prefix(words.back().size());
    }
}

dsmil::Result<BatchLine> parse_line(const std::vector<std::string_view> &words) {
    const bool is_write = words.front() == "write";
    if (!is_write && words.front() != "read") {
        return dsmil::fail(dsmil::Code::usage, std::format("'{}' is neither read nor write", words.front()));
    }
    const std::size_t least = is_write ? 4 : 3;
    if (words.size() < least || words.size() > least + (is_write ? 1 : 0)) {
        return dsmil::fail(dsmil::Code::usage, is_write
                                                   ? "it must be 'write DEVICE REGISTER VALUE [grant=FILE]'"
                                                   : "it must be 'read DEVICE REGISTER'");
    }
    const auto device = parse_device(words[1]);
    if (!device) {
        return std::unexpected(device.error());
    }
    const auto reg = parse_register(words[2]);
    if (!reg) {
        return std::unexpected(reg.error());
    }
    BatchLine line{.device = *device, .reg = *reg, .value = {}, .grant = {}};
    if (!is_write) {
        return line;
    }
    const auto value = parse_number("VALUE", words[3], std::numeric_limits<std::uint32_t>::max());
    if (!value) {
        return std::unexpected(value.error());
    }
    line.value = static_cast<std::uint32_t>(*value);
    constexpr std::string_view grant = "grant=";
    if (words.size() > least) {
        if (!words[4].starts_with(grant) || words[4].size() == grant.size()) {
            return dsmil::fail(dsmil::Code::usage, std::format("'{}' is not grant=FILE", words[4]));
        }
        line.grant = words[4].substr(grant.size());
    }
    return line;
}

} // namespace

dsmil::Result<std::vector<BatchLine>> parse_batch(std::string_view text) {
    std::vector<BatchLine> lines;
    for (std::size_t number = 1; !text.empty(); number++) {
        const auto end = text.find('\n');
        const auto words = words_of(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (words.empty()) {
            continue;
        }
        auto line = parse_line(words);
        if (!line) {
            return std::unexpected(std::move(line.error()).in(std::format("line {}", number)));
        }
        if (lines.size() == DSMIL_BATCH_MAX) {
            return dsmil::fail(dsmil::Code::usage, std::format("line {}: a batch has at most {} operations",
                                                               number, DSMIL_BATCH_MAX));
        }
        lines.push_back(std::move(*line));
    }
    if (lines.empty()) {
        return dsmil::fail(dsmil::Code::usage, "there is no operation");
    }
    return lines;
}

} // namespace dsmilctl
