// SPDX-License-Identifier: Apache-2.0
#include "grant_client.hpp"

#include "api_client.hpp"
#include "grants/grant.hpp"
#include "output.hpp"
#include "text.hpp"
#include "waiter.hpp"

#include <boost/json/serialize.hpp>
#include <cstdio>
#include <ctime>
#include <format>
#include <limits>
#include <poll.h>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;

// The kernel may be busy with its firmware, and a TPM takes seconds for a signature.
constexpr std::chrono::seconds patience{120};
constexpr int look_again_ms = 500;
constexpr std::uint64_t limit32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t second_ns = 1'000'000'000;

struct NumberOption {
    std::string_view option;
    std::string_view member;
    std::uint64_t limit;
};

Result<boost::json::object> request_of(const Call &call) {
    const auto device = parse_device(call.argument("DEVICE"));
    if (!device) {
        return std::unexpected(device.error());
    }
    const auto reg = parse_register(call.argument("REGISTER"));
    if (!reg) {
        return std::unexpected(reg.error());
    }
    const auto value = parse_number("VALUE", call.argument("VALUE"), limit32);
    if (!value) {
        return std::unexpected(value.error());
    }
    boost::json::object request = {
        {"device", hex16((*device)->id)}, {"register", dsmil::name(*reg)}, {"value", *value}};
    for (const auto &[option, member, limit] :
         {NumberOption{"--mask", "mask", limit32}, NumberOption{"--old", "old_value", limit32},
          NumberOption{"--seconds", "seconds", DSMIL_GRANT_LIFE_MAX_S}}) {
        const auto text = call.option(option);
        if (!text) {
            continue;
        }
        const auto number = parse_number(option, *text, limit);
        if (!number) {
            return std::unexpected(number.error());
        }
        request[member] = *number;
    }
    if (const auto approver = call.option("--approver")) {
        request["approver"] = *approver;
    }
    return request;
}

// Until it waits no more for its approver.
Result<GrantView> await_approval(const Call &call, GrantView view) {
    const auto waiter = Waiter::make();
    if (!waiter) {
        return std::unexpected(waiter.error());
    }
    std::fputs(
        std::format("dsmilctl: grant {} waits for the signature of {}, {} s at most: dsmilctl grants sign "
                    "{} --key KEY\n",
                    printable(view.id), printable(view.approver), seconds_left(view), printable(view.id))
            .c_str(),
        stderr);
    while (view.state == "waiting") {
        pollfd stop{.fd = waiter->stop_fd(), .events = POLLIN, .revents = 0};
        if (::poll(&stop, 1, look_again_ms) > 0) {
            return dsmil::fail(Code::try_again,
                               std::format("stopped; grant {} still waits for its signature", view.id));
        }
        auto now = find_grant(call, view.id);
        if (!now) {
            return now;
        }
        view = std::move(*now);
    }
    return view;
}

} // namespace

std::uint64_t seconds_left(const GrantView &view) {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    const std::uint64_t now_ns =
        static_cast<std::uint64_t>(now.tv_sec) * second_ns + static_cast<std::uint64_t>(now.tv_nsec);
    const std::uint64_t end_ns = view.body.expires_boottime_ns;
    return end_ns > now_ns ? (end_ns - now_ns + second_ns - 1) / second_ns : 0;
}

Result<GrantView> request_grant(const Call &call) {
    const auto request = request_of(call);
    if (!request) {
        return std::unexpected(request.error());
    }
    return ApiClient(call.socket)
        .post("/v1/grants", boost::json::serialize(*request), patience)
        .and_then([](const std::string &body) { return decode_grant(body); });
}

Result<GrantView> call_grant(const Call &call, std::string_view operation, const boost::json::object &body) {
    return ApiClient(call.socket)
        .post(std::format("/v1/grants/{}", operation), boost::json::serialize(body), patience)
        .and_then([](const std::string &answer) { return decode_grant(answer); });
}

Result<GrantView> find_grant(const Call &call, const std::string &id) {
    if (id.size() != sizeof(dsmil_grant_body::nonce) ||
        !dsmil::from_hex(id)) { // half of it, two digits a byte
        return dsmil::fail(Code::usage, std::format("\"{}\" is no id of a grant: dsmilctl grants list", id));
    }
    return ApiClient(call.socket)
        .get(std::format("/v1/grants/item?id={}", id), patience)
        .and_then([](const std::string &body) { return decode_grant(body); });
}

Result<std::vector<std::uint8_t>> obtain_grant(const Call &call) {
    auto view = request_grant(call);
    if (view && view->state == "waiting") {
        view = await_approval(call, std::move(*view));
    }
    if (view) {
        view = call_grant(call, "issue", {{"id", view->id}});
    }
    return view.transform([](const GrantView &issued) {
        return std::vector<std::uint8_t>(issued.grant.begin(), issued.grant.end());
    });
}

} // namespace dsmilctl
