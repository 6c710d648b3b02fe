// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "recovery.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <format>

namespace dsmilctl {
namespace {

using dsmil::Result;

constexpr std::chrono::seconds patience{120};
constexpr std::size_t max_file_bytes = 16'384;

Result<boost::json::object> post(const Call &call, std::string_view path,
                                 const boost::json::object &request) {
    const auto body = ApiClient(call.socket).post(path, boost::json::serialize(request), patience);
    return body.and_then([](const std::string &text) { return decode_object("dsmild", text); });
}

} // namespace

dsmil::Result<int> run_device_seal(const Call &call, Output &out) {
    const auto device = parse_device(call.argument("DEVICE"));
    const auto pcrs = parse_pcrs(call.option("--pcrs").value_or("7"));
    if (!device || !pcrs) {
        return std::unexpected(!device ? device.error() : pcrs.error());
    }
    // Made before the TPM is asked, so that what it sealed is not lost for want of a place.
    auto file = NewFile::make(call.argument("FILE"));
    if (!file) {
        return std::unexpected(std::move(file.error()));
    }
    const auto answer =
        post(call, "/v1/device/seal",
             {{"device", hex16((*device)->id)}, {"pcrs", boost::json::array(pcrs->begin(), pcrs->end())}});
    if (!answer) {
        return std::unexpected(answer.error());
    }
    const auto configuration = string_member(*answer, "configuration");
    const auto recovery = string_member(*answer, "recovery");
    const auto *sealed = answer->if_contains("sealed");
    if (!configuration || !recovery || sealed == nullptr || !sealed->is_object()) {
        return dsmil::fail(dsmil::Code::failed, "the answer of dsmild holds nothing sealed");
    }
    if (auto published = file->publish(boost::json::serialize(*sealed) + "\n"); !published) {
        return std::unexpected(std::move(published.error()));
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"device", hex16((*device)->id)},
                    {"file", call.argument("FILE")},
                    {"configuration", *configuration},
                    {"recovery", *recovery}});
    } else {
        out.line(std::format("sealed: {}", printable(*configuration)));
        out.line(std::format("recovery secret, kept nowhere else: {}", printable(*recovery)));
    }
    return 0;
}

dsmil::Result<int> run_device_unseal(const Call &call, Output &out) {
    const auto device = parse_device(call.argument("DEVICE"));
    const auto text =
        device.and_then([&](const auto *) { return read_file(call.argument("FILE"), max_file_bytes); });
    if (!text) {
        return std::unexpected(text.error());
    }
    const auto sealed = decode_object(call.argument("FILE"), *text);
    if (!sealed) {
        return dsmil::fail(dsmil::Code::usage,
                           std::format("{} is not what device seal wrote", call.argument("FILE")));
    }
    boost::json::object request = {{"device", hex16((*device)->id)}, {"sealed", *sealed}};
    if (const auto recovery = call.option("--recovery")) {
        const auto bytes = read_recovery(*recovery);
        if (!bytes) {
            return std::unexpected(bytes.error());
        }
        request["recovery"] = dsmil::to_hex(*bytes);
    }
    const auto configuration =
        post(call, "/v1/device/unseal", request).and_then([](const boost::json::object &answer) {
            return string_member(answer, "configuration");
        });
    if (!configuration) {
        return std::unexpected(configuration.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"device", hex16((*device)->id)},
                    {"configuration", *configuration}});
    } else {
        out.line(printable(*configuration));
    }
    return 0;
}

} // namespace dsmilctl
