// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "command.hpp"
#include "ledger_page.hpp"
#include "ledger_record.hpp"
#include "output.hpp"
#include "text.hpp"

#include <format>
#include <limits>

namespace dsmilctl {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// One name and its value a row; what is within an object has that one's name in front.
void add_rows(Rows &rows, const std::string &prefix, const boost::json::object &object) {
    for (const auto &[key, value] : object) {
        const auto name = prefix + std::string(key);
        if (value.is_object()) {
            add_rows(rows, name + ".", value.get_object());
        } else {
            rows.push_back({printable(name), printable(plain_text(value))});
        }
    }
}

} // namespace

dsmil::Result<int> run_audit_show(const Call &call, Output &out) {
    const auto number =
        parse_number("RECORD", call.argument("RECORD"), std::numeric_limits<std::int64_t>::max());
    if (!number) {
        return std::unexpected(number.error());
    }
    const auto source = RecordSource::open(call);
    if (!source) {
        return std::unexpected(source.error());
    }
    const auto page = (*source)->page({}, *number, 1);
    if (!page) {
        return std::unexpected(page.error());
    }
    if (page->records.empty() || number_member(page->records.front().get_object(), "sequence") != *number) {
        return dsmil::fail(dsmil::Code::not_found,
                           page->records.empty()
                               ? std::format("record {}: the ledger has not come so far", *number)
                               : std::format("record {}: it was pruned", *number));
    }
    const auto &record = page->records.front().get_object();
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"record", record}});
        return 0;
    }
    Rows rows;
    add_rows(rows, "", record);
    out.table(rows);
    return 0;
}

} // namespace dsmilctl
