// SPDX-License-Identifier: Apache-2.0
#include "api/ledger_request.hpp"

#include "api/json_members.hpp"
#include "ledger/query.hpp"

#include <boost/json/value.hpp>
#include <format>
#include <limits>

namespace dsmil::api {

Result<ledger::Retention> parse_prune_request(std::string_view body) {
    const auto object = parse_object(body);
    if (!object) {
        return std::unexpected(object.error());
    }
    ledger::Retention policy;
    for (const auto &[name, value] : *object) {
        if (name == "before") {
            policy.before_ns = value.is_string() ? ledger::parse_time(value.get_string()) : std::nullopt;
            if (!policy.before_ns) {
                return bad_member(name,
                                  "a day or a moment in UTC, such as 2026-01-31 or 2026-01-31T12:30:00Z");
            }
        } else if (name == "keep_records") {
            const auto number = parse_number(name, value, 0, std::numeric_limits<std::int64_t>::max());
            if (!number) {
                return std::unexpected(number.error());
            }
            policy.keep_records = *number;
        } else {
            return fail(Code::usage, std::format("there is no member {}", std::string_view(name)));
        }
    }
    return policy.forgets() ? Result<ledger::Retention>(policy)
                            : fail(Code::usage, "one of before and keep_records must say what may go");
}

} // namespace dsmil::api
