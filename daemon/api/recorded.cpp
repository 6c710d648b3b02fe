// SPDX-License-Identifier: Apache-2.0
#include "api/recorded.hpp"

#include <boost/json/serialize.hpp>
#include <vector>

namespace dsmil::api {

Response json_response(const boost::json::object &object) {
    Response response;
    response.body = boost::json::serialize(object) + "\n";
    return response;
}

ledger::Record record_for(const ledger::Service &ledger, std::string action, const Peer &peer) {
    auto record = ledger.own_record(std::move(action), {});
    record.actor = ledger::Actor{peer.uid, peer.pid, peer.comm, 0};
    return record;
}

void answer_recorded(ledger::Service &ledger, ledger::Record record, Result<boost::json::object> result,
                     Then<Result<Response>> then) {
    record.outcome = result ? "ok" : "failed";
    if (!result) {
        record.context.push_back({"error", std::string(info(result.error().code).name)});
    }
    std::vector<ledger::Record> records;
    records.push_back(std::move(record));
    ledger.append(std::move(records), [result = std::move(result),
                                       then = std::move(then)](Result<ledger::Appended> kept) mutable {
        if (!result || !kept) {
            then(std::unexpected(!result ? std::move(result.error()) : std::move(kept.error())));
            return;
        }
        then(json_response(*result));
    });
}

} // namespace dsmil::api
