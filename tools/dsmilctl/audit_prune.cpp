// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "ledger/query.hpp"
#include "output.hpp"
#include "text.hpp"
#include "time_option.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <format>
#include <limits>

namespace dsmilctl {
namespace {

using boost::json::object;
using dsmil::Code;
using dsmil::Result;

constexpr std::chrono::seconds patience{120};

Result<object> policy(const Call &call) {
    object request;
    if (const auto before = call.option("--before")) {
        const auto when = moment(*before);
        if (!dsmil::ledger::parse_time(when)) {
            return dsmil::fail(Code::usage,
                               "--before must be a day or a moment in UTC, such as 2026-01-31 or "
                               "2026-01-31T12:30:00Z, or how long ago it was: 90d");
        }
        request["before"] = when;
    }
    if (const auto keep = call.option("--keep")) {
        const auto number = parse_number("--keep", *keep, std::numeric_limits<std::int64_t>::max());
        if (!number) {
            return std::unexpected(number.error());
        }
        request["keep_records"] = *number;
    }
    return request.empty()
               ? Result<object>(dsmil::fail(Code::usage, "say with --before or --keep what may go"))
               : request;
}

struct Pruned {
    std::uint64_t from = 0;
    std::uint64_t first = 0;
    bool more = false;
};

Result<Pruned> decode(const std::string &body) {
    const auto answer = decode_object("dsmild", body);
    const auto from = answer ? number_member(*answer, "from") : std::unexpected(answer.error());
    const auto first = from ? number_member(*answer, "first") : from;
    if (!first) {
        return std::unexpected(first.error());
    }
    const auto *more = answer->if_contains("more");
    const Pruned pruned{*from, *first, more != nullptr && more->is_bool() && more->get_bool()};
    if (pruned.first < pruned.from || (pruned.more && pruned.first == pruned.from)) {
        return dsmil::fail(Code::failed, "the answer of dsmild leads nowhere");
    }
    return pruned;
}

} // namespace

// dsmild lets go of a part at a time; each is a record.
Result<int> run_audit_prune(const Call &call, Output &out) {
    const auto request = policy(call);
    if (!request) {
        return std::unexpected(request.error());
    }
    const ApiClient api(call.socket);
    const auto body = boost::json::serialize(*request);
    auto done = api.post("/v1/ledger/prune", body, patience).and_then(decode);
    for (const std::uint64_t from = done ? done->from : 0; done && done->more;) {
        done = api.post("/v1/ledger/prune", body, patience).and_then(decode);
        if (done) {
            done->from = from;
        }
    }
    if (!done) {
        return std::unexpected(done.error());
    }
    const std::uint64_t pruned = done->first - done->from;
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"pruned", pruned}, {"first", done->first}});
    } else {
        out.line(pruned == 0 ? std::format("nothing to prune; the oldest record is {}", done->first)
                             : std::format("pruned {} records; the oldest is {} now", pruned, done->first));
    }
    return 0;
}

} // namespace dsmilctl
