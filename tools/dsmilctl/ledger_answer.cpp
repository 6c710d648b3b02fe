// SPDX-License-Identifier: Apache-2.0
#include "ledger_answer.hpp"

#include "api_answer.hpp"
#include "output.hpp"
#include "text.hpp"

#include <array>
#include <format>
#include <utility>

namespace dsmilctl {
namespace {

dsmil::Result<boost::json::object> object_member(const boost::json::object &object, std::string_view name) {
    const auto *value = object.if_contains(name);
    return value != nullptr && value->is_object()
               ? dsmil::Result<boost::json::object>(value->get_object())
               : dsmil::fail(dsmil::Code::failed, std::format("the answer of dsmild lacks {}", name));
}

// Several numbers at once: the first one that is missing is the error.
template <std::size_t N>
dsmil::Result<void> take_numbers(const boost::json::object &object,
                                 const std::array<std::pair<std::string_view, std::uint64_t *>, N> &places) {
    for (const auto &[name, place] : places) {
        const auto number = number_member(object, name);
        if (!number) {
            return std::unexpected(number.error());
        }
        *place = *number;
    }
    return {};
}

dsmil::Result<void> take_last(LedgerAnswer &ledger, const boost::json::object &anchors) {
    const auto *last = anchors.if_contains("last");
    if (last == nullptr || !last->is_object()) {
        return {};
    }
    AnchorAnswer anchor;
    const auto reason = string_member(last->get_object(), "reason");
    if (!reason) {
        return std::unexpected(reason.error());
    }
    anchor.reason = *reason;
    return take_numbers<3>(last->get_object(),
                           {{{"size", &anchor.size}, {"count", &anchor.count}, {"at_ns", &anchor.at_ns}}})
        .transform([&] { ledger.last = anchor; });
}

} // namespace

bool LedgerAnswer::contradicted() const {
    return state == "rolled_back" || state == "lost" || state == "differs";
}

std::string LedgerAnswer::anchored_text() const {
    return last ? std::format("up to {} records, anchor {} of {} ({})", last->size, last->count,
                              utc(last->at_ns), printable(last->reason))
                : "nothing so far";
}

dsmil::Result<LedgerAnswer> decode_ledger(const boost::json::object &answer) {
    LedgerAnswer ledger;
    const auto origin = string_member(answer, "origin");
    const auto anchors = object_member(answer, "anchors");
    const auto state =
        anchors.and_then([](const boost::json::object &object) { return string_member(object, "state"); });
    const auto budget =
        anchors.and_then([](const boost::json::object &object) { return object_member(object, "budget"); });
    if (!origin || !state || !budget) {
        return std::unexpected(!origin ? origin.error() : !state ? state.error() : budget.error());
    }
    ledger.origin = *origin;
    ledger.state = *state;
    ledger.detail = string_member(*anchors, "detail").value_or("");
    auto taken = take_numbers<2>(answer, {{{"size", &ledger.size}, {"signed_size", &ledger.signed_size}}})
                     .and_then([&] {
                         return take_numbers<6>(*budget, {{{"per_day", &ledger.per_day},
                                                           {"used", &ledger.used},
                                                           {"left", &ledger.left},
                                                           {"wait_s", &ledger.wait_s},
                                                           {"made", &ledger.made},
                                                           {"refused", &ledger.refused}}});
                     })
                     .and_then([&] { return take_last(ledger, *anchors); });
    return taken ? dsmil::Result<LedgerAnswer>(std::move(ledger)) : std::unexpected(std::move(taken.error()));
}

} // namespace dsmilctl
