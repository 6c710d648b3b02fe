// SPDX-License-Identifier: Apache-2.0
#include "api/ledger_api.hpp"

#include "api/json_members.hpp"
#include "api/recorded.hpp"
#include "ledger/tpm_evidence.hpp"

#include <boost/json/value.hpp>
#include <chrono>
#include <utility>
#include <vector>

namespace dsmil::api {
namespace {

using boost::json::object;

std::uint64_t whole_seconds(std::chrono::nanoseconds time) {
    return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

object budget_json(const ledger::Anchorer &anchors) {
    const auto budget = anchors.budget();
    const auto now = anchors.now();
    return {{"per_day", budget.per_day()},
            {"burst", budget.burst()},
            {"used", budget.used(now)},
            {"left", budget.left(now)},
            {"wait_s", whole_seconds(budget.wait(now))},
            {"made", anchors.made()},
            {"refused", anchors.refused()}};
}

object anchors_json(const ledger::Anchorer &anchors) {
    object json = {{"state", ledger::name_of(anchors.state())},
                   {"detail", nullptr},
                   {"last", nullptr},
                   {"budget", budget_json(anchors)}};
    if (!anchors.detail().empty()) {
        json["detail"] = anchors.detail();
    }
    if (const auto &last = anchors.last()) {
        json["last"] = object{{"size", last->size},
                              {"count", last->count.value_or(0)},
                              {"at_ns", last->at_ns},
                              {"reason", ledger::name_of(last->reason)}};
    }
    return json;
}

// {"nonce": 8 to 32 bytes in hexadecimal}
Result<Bytes> parse_nonce(std::string_view body) {
    const auto asked = parse_object(body);
    if (!asked) {
        return std::unexpected(asked.error());
    }
    Bytes nonce;
    for (const auto &[name, value] : *asked) {
        if (name != "nonce") {
            return bad_member(name, "not there");
        }
        auto bytes = parse_hex(name, value, ledger::min_nonce_bytes, ledger::max_nonce_bytes);
        if (!bytes) {
            return bytes;
        }
        nonce = std::move(*bytes);
    }
    return nonce.empty() ? Result<Bytes>(fail(Code::usage, "nonce is missing")) : nonce;
}

} // namespace

object ledger_json(const ledger::Service &ledger) {
    const auto &snapshot = ledger.snapshot();
    return {{"origin", snapshot.origin},
            {"size", snapshot.head.size},
            {"root", to_base64(snapshot.head.root)},
            {"signed_size", snapshot.checkpoint_size},
            {"anchors", anchors_json(ledger.anchors())}};
}

void LedgerApi::evidence(const Request &request, Then<Result<Response>> then) {
    auto nonce = parse_nonce(request.body);
    if (!nonce) {
        then(std::unexpected(std::move(nonce.error())));
        return;
    }
    auto record = record_for(ledger_, "ledger_evidence", request.peer);
    record.values = {{"nonce", *nonce}};
    ledger_.certify_anchors(std::move(*nonce), [this, record = std::move(record), then = std::move(then)](
                                                   const Result<ledger::AnchorEvidence> &made) mutable {
        answer_recorded(ledger_, std::move(record), made.transform(ledger::evidence_json), std::move(then));
    });
}

void LedgerApi::adopt(const Request &request, Then<Result<Response>> then) {
    const auto &anchors = ledger_.anchors();
    auto record = record_for(ledger_, std::string(ledger::adopted_action), request.peer);
    record.outcome = "noticed";
    record.context = {{"state", std::string(ledger::name_of(anchors.state()))}, {"detail", anchors.detail()}};
    if (!anchors.adoptable()) {
        then(std::unexpected(anchors.nothing_to_adopt()));
        return;
    }
    std::vector<ledger::Record> records;
    records.push_back(std::move(record));
    ledger_.append(std::move(records), [this, then = std::move(then)](Result<ledger::Appended> kept) mutable {
        if (!kept) {
            then(std::unexpected(std::move(kept.error())));
            return;
        }
        // Signed first, so that the anchor covers it.
        ledger_.checkpoint(ledger::Occasion::critical, [this,
                                                        then = std::move(then)](Result<void> done) mutable {
            if (!done) {
                then(std::unexpected(std::move(done.error())));
                return;
            }
            ledger_.adopt_anchors([this, then = std::move(then)](Result<void> adopted) mutable {
                then(std::move(adopted).transform([this] { return json_response(ledger_json(ledger_)); }));
            });
        });
    });
}

} // namespace dsmil::api
