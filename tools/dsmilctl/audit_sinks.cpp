// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "output.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <chrono>
#include <format>

namespace dsmilctl {
namespace {

using boost::json::array;
using boost::json::object;
using dsmil::Code;
using dsmil::Result;

constexpr std::chrono::seconds patience{60};
constexpr std::array<std::string_view, 3> words = {"name", "target", "state"};
constexpr std::array<std::string_view, 6> numbers = {"position", "behind",  "sent",
                                                     "refused",  "skipped", "failures"};

// What is known of a sink, with every member that must be there.
Result<object> decode_sink(const boost::json::value &value) {
    const auto *all = value.if_object();
    if (all == nullptr) {
        return dsmil::fail(Code::failed, "a sink in the answer of dsmild is no object");
    }
    object sink;
    for (const auto word : words) {
        const auto text = string_member(*all, word);
        if (!text) {
            return std::unexpected(text.error());
        }
        sink[word] = *text;
    }
    for (const auto name : numbers) {
        const auto number = number_member(*all, name);
        if (!number) {
            return std::unexpected(number.error());
        }
        sink[name] = *number;
    }
    if (const auto detail = string_member(*all, "detail")) {
        sink["detail"] = *detail;
    }
    return sink;
}

Result<array> decode(const std::string &body) {
    const auto answer = decode_object("dsmild", body);
    if (!answer) {
        return std::unexpected(answer.error());
    }
    const auto *list = answer->if_contains("sinks");
    if (list == nullptr || !list->is_array()) {
        return dsmil::fail(Code::failed, "the answer of dsmild has no array 'sinks'");
    }
    array sinks;
    for (const auto &value : list->get_array()) {
        auto sink = decode_sink(value);
        if (!sink) {
            return std::unexpected(std::move(sink.error()));
        }
        sinks.push_back(std::move(*sink));
    }
    return sinks;
}

std::string text_of(const object &sink, std::string_view name) {
    const auto &value = sink.at(name);
    return value.is_string() ? printable(std::string_view(value.get_string()))
                             : std::to_string(value.to_number<std::uint64_t>());
}

} // namespace

Result<int> run_audit_sinks(const Call &call, Output &out) {
    const auto sinks = ApiClient(call.socket).get("/v1/ledger/sinks", patience).and_then(decode);
    if (!sinks) {
        return std::unexpected(sinks.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"sinks", *sinks}});
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {
        {"SINK", "STATE", "POSITION", "BEHIND", "SENT", "REFUSED", "SKIPPED", "FAILURES", "TARGET"}};
    for (const auto &value : *sinks) {
        const auto &sink = value.get_object();
        std::vector<std::string> row = {text_of(sink, "name"), text_of(sink, "state")};
        for (const auto name : numbers) {
            row.push_back(text_of(sink, name));
        }
        row.push_back(text_of(sink, "target"));
        rows.push_back(std::move(row));
    }
    out.table(rows);
    for (const auto &value : *sinks) {
        if (const auto &sink = value.get_object(); sink.contains("detail")) {
            out.line(std::format("{}: {}", text_of(sink, "name"), text_of(sink, "detail")));
        }
    }
    return 0;
}

} // namespace dsmilctl
