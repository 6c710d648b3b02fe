// SPDX-License-Identifier: Apache-2.0
#include "api/recorded.hpp"

#include <boost/json/serialize.hpp>

namespace dsmil::api {

void answer_recorded(ledger::Service &ledger, ledger::Record record, Result<boost::json::object> result,
                     Then<Result<Response>> then) {
    if (!result) {
        record.outcome = "failed";
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
        Response response;
        response.body = boost::json::serialize(*result) + "\n";
        then(std::move(response));
    });
}

} // namespace dsmil::api
