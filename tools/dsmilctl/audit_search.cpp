// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "ledger/query.hpp"
#include "ledger_page.hpp"
#include "ledger_record.hpp"
#include "output.hpp"
#include "text.hpp"
#include "time_option.hpp"

#include <algorithm>
#include <format>
#include <limits>

namespace dsmilctl {
namespace {

using dsmil::Result;

constexpr std::uint64_t default_limit = 100;
constexpr std::uint64_t max_limit = 1'000'000;
constexpr std::uint64_t page_records = 500;

// As GET /v1/ledger/search takes them.
Result<std::map<std::string, std::string>> conditions(const Call &call) {
    std::map<std::string, std::string> set;
    for (const auto name : dsmil::ledger::query_parameters) {
        if (const auto value = call.option(std::format("--{}", name))) {
            set[std::string(name)] = *value;
        }
    }
    if (const auto text = call.option("TEXT")) {
        set["text"] = *text;
    }
    for (const auto *name : {"since", "until"}) {
        if (const auto found = set.find(name); found != set.end()) {
            found->second = moment(found->second);
        }
    }
    if (const auto found = set.find("device"); found != set.end()) {
        const auto device = parse_device(found->second);
        if (!device) {
            return std::unexpected(device.error());
        }
        found->second = hex16((*device)->id);
    }
    if (auto right = dsmil::ledger::Query::parse(set); !right) {
        return std::unexpected(std::move(right.error()));
    }
    return set;
}

} // namespace

Result<int> run_audit_search(const Call &call, Output &out) {
    const auto wanted = conditions(call);
    const auto first = parse_number("--after", call.option("--after").value_or("0"),
                                    std::numeric_limits<std::int64_t>::max());
    const auto limit =
        parse_number("--limit", call.option("--limit").value_or(std::to_string(default_limit)), max_limit);
    if (!wanted || !first || !limit) {
        return std::unexpected(!wanted ? wanted.error() : !first ? first.error() : limit.error());
    }
    const auto source = RecordSource::open(call);
    if (!source) {
        return std::unexpected(source.error());
    }
    out.may_lose_reader();
    RecordSource::Page last{.records = {}, .next = *first, .complete = false};
    for (std::uint64_t found = 0; !last.complete && found < *limit;) {
        auto page = (*source)->page(*wanted, last.next, std::min(page_records, *limit - found));
        if (!page) {
            return std::unexpected(std::move(page.error()));
        }
        last = std::move(*page);
        found += last.records.size();
        for (const auto &record : last.records) {
            if (call.json) {
                out.object({{"schema", call.command->schema}, {"record", record}});
            } else {
                out.line(record_line(record.get_object()));
            }
        }
        if (!out.flush()) {
            return 0;
        }
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"next", last.next}, {"complete", last.complete}});
    } else if (!last.complete) {
        out.line(std::format("there may be more: --after {}", last.next));
    }
    return 0;
}

} // namespace dsmilctl
