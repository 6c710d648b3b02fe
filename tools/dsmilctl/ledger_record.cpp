// SPDX-License-Identifier: Apache-2.0
#include "ledger_record.hpp"

#include "api_answer.hpp"
#include "output.hpp"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <format>

namespace dsmilctl {
namespace {

// What the line begins with, in this order; the rest follows as name=value.
constexpr std::array<std::string_view, 3> leading = {"source", "action", "outcome"};
// Shown in the first columns, or only with --json.
constexpr std::array<std::string_view, 6> not_repeated = {"sequence", "time",    "boottime_ns",
                                                          "boot_id",  "load_id", "ring_sequence"};

// The members as name=value; those of an inner object without its name.
std::string pairs(const boost::json::object &object) {
    std::string text;
    for (const auto &[key, value] : object) {
        const std::string_view name = key;
        if (value.is_object()) {
            text += pairs(value.get_object());
        } else if (!value.is_null() && !std::ranges::contains(leading, name) &&
                   !std::ranges::contains(not_repeated, name)) {
            text += std::format(" {}={}", name, plain_text(value));
        }
    }
    return text;
}

} // namespace

dsmil::Result<boost::json::array> decode_records(std::string_view body) {
    auto answer = decode_object("dsmild", body);
    if (!answer) {
        return std::unexpected(std::move(answer.error()));
    }
    auto *records = answer->if_contains("records");
    if (records == nullptr || !records->is_array()) {
        return dsmil::fail(dsmil::Code::failed, "the answer of dsmild has no array 'records'");
    }
    std::uint64_t least = 0;
    for (const auto &record : records->get_array()) {
        if (!record.is_object()) {
            return dsmil::fail(dsmil::Code::failed, "a record in the answer of dsmild is no object");
        }
        const auto sequence = number_member(record.get_object(), "sequence");
        if (!sequence || *sequence < least) {
            return dsmil::fail(dsmil::Code::failed, "the records in the answer of dsmild are not in order");
        }
        least = *sequence + 1;
    }
    return std::move(records->get_array());
}

std::string plain_text(const boost::json::value &value) {
    return value.is_string() ? std::string(value.get_string()) : boost::json::serialize(value);
}

std::string record_line(const boost::json::object &record) {
    const auto member = [&record](std::string_view name) {
        const auto *value = record.if_contains(name);
        return value != nullptr ? plain_text(*value) : "-";
    };
    auto line = std::format("{} {}", member("time"), member("sequence"));
    for (const auto name : leading) {
        line += " " + member(name);
    }
    return printable(line + pairs(record));
}

} // namespace dsmilctl
