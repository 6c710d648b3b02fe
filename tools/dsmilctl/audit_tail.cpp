// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "ledger_record.hpp"
#include "output.hpp"
#include "text.hpp"
#include "waiter.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <format>

namespace dsmilctl {
namespace {

constexpr std::uint64_t default_lines = 10;
constexpr std::uint64_t max_lines = 1'000'000;
constexpr std::uint64_t page_records = 500;
constexpr std::uint64_t wait_ms = 20'000;
constexpr std::chrono::seconds patience{60};

dsmil::Result<std::uint64_t> ledger_size(const ApiClient &api) {
    return api.get("/v1/ledger/head", patience).and_then([](const std::string &body) {
        return decode_object("dsmild", body).and_then([](const boost::json::object &head) {
            return number_member(head, "size");
        });
    });
}

dsmil::Result<boost::json::array> page(const ApiClient &api, std::uint64_t first, std::uint64_t limit,
                                       std::uint64_t wait) {
    const auto target = std::format("/v1/ledger/records?after={}&limit={}&wait_ms={}", first, limit, wait);
    return api.get(target, patience).and_then([](const std::string &body) { return decode_records(body); });
}

} // namespace

dsmil::Result<int> run_audit_tail(const Call &call, Output &out) {
    const auto lines =
        parse_number("--lines", call.option("--lines").value_or(std::to_string(default_lines)), max_lines);
    if (!lines) {
        return std::unexpected(lines.error());
    }
    const bool follow = call.has("--follow");
    out.may_lose_reader();
    const auto waiter = Waiter::make();
    if (!waiter) {
        return std::unexpected(waiter.error());
    }
    const ApiClient api(call.socket, waiter->stop_fd());
    const auto size = ledger_size(api);
    if (!size) {
        return waiter->stopped() ? dsmil::Result<int>(0) : std::unexpected(size.error());
    }
    // Records after those that were there at the start come only with --follow.
    for (std::uint64_t next = *size - std::min(*size, *lines); follow || next < *size;) {
        const auto records = page(api, next, follow ? page_records : std::min(page_records, *size - next),
                                  next < *size ? 0 : wait_ms);
        if (waiter->stopped() || out.reader_gone()) {
            return 0;
        }
        if (!records) {
            return std::unexpected(records.error());
        }
        if (records->empty() && next < *size) {
            return dsmil::fail(dsmil::Code::failed, std::format("dsmild does not give record {}", next));
        }
        for (const auto &record : *records) {
            const auto &object = record.get_object();
            if (call.json) {
                out.object({{"schema", call.command->schema}, {"record", object}});
            } else {
                out.line(record_line(object));
            }
            next = object.at("sequence").to_number<std::uint64_t>() + 1;
        }
        if (!out.flush()) {
            return 0;
        }
    }
    return 0;
}

} // namespace dsmilctl
