// SPDX-License-Identifier: Apache-2.0
// Records by what they hold, and the end of the oldest.
#include "api/api.hpp"
#include "api/ledger_request.hpp"
#include "api/recorded.hpp"
#include "api/tpm_json.hpp"
#include "ledger/record_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <limits>

namespace dsmil::api {
namespace {

constexpr std::uint64_t default_limit = 100;

Response page(const ledger::Found &found) {
    boost::json::array records;
    for (const auto &record : found.records) {
        records.push_back(to_json(record));
    }
    return json_response(
        {{"records", std::move(records)}, {"next", found.next}, {"complete", found.complete}});
}

} // namespace

void Api::ledger_search(const Request &request, Then<Result<Response>> then) {
    const Target &target = request.target;
    const auto after = target.number("after", 0, std::numeric_limits<std::int64_t>::max(), 0);
    const auto limit = target.number("limit", 1, ledger::Service::max_read, default_limit);
    auto query = ledger::Query::parse(target.parameters);
    if (!after || !limit || !query) {
        then(std::unexpected(!after ? after.error() : !limit ? limit.error() : query.error()));
        return;
    }
    ledger_.search(std::move(*query), *after, *limit,
                   [then = std::move(then)](Result<ledger::Found> found) mutable {
                       then(std::move(found).transform(page));
                   });
}

void Api::ledger_prune(const Request &request, Then<Result<Response>> then) {
    const auto policy = parse_prune_request(request.body);
    if (!policy) {
        then(std::unexpected(policy.error()));
        return;
    }
    auto record = record_for(ledger_, std::string(ledger::pruned_action), request.peer);
    record.outcome = "ok";
    ledger_.prune(
        *policy, std::move(record), [then = std::move(then)](Result<ledger::Pruned> pruned) mutable {
            then(std::move(pruned).transform([](const ledger::Pruned &done) {
                return json_response({{"from", done.from}, {"first", done.first}, {"more", done.more}});
            }));
        });
}

void Api::ledger_sinks(const Request & /*request*/, Then<Result<Response>> then) {
    boost::json::array list;
    for (const auto &sink : sinks_ != nullptr ? sinks_->status() : std::vector<sinks::Status>{}) {
        boost::json::object shown = {
            {"name", sink.name},         {"target", sink.target},   {"state", name(sink.state)},
            {"position", sink.position}, {"behind", sink.behind},   {"sent", sink.sent},
            {"refused", sink.refused},   {"skipped", sink.skipped}, {"failures", sink.failures}};
        if (sink.trouble) {
            shown["detail"] = trouble_text(*sink.trouble);
        }
        list.push_back(std::move(shown));
    }
    then(json_response({{"sinks", std::move(list)}}));
}

} // namespace dsmil::api
