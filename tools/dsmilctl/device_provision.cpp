// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "nonce.hpp"
#include "output.hpp"
#include "text.hpp"

#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace dsmilctl {
namespace {

constexpr std::chrono::seconds patience{150}; // some chips are slow with a new key
constexpr std::array<std::string_view, 5> texts = {"public_pem", "name", "attest", "signature",
                                                   "ak_public_pem"};

} // namespace

dsmil::Result<int> run_device_provision(const Call &call, Output &out) {
    const auto device = parse_device(call.argument("DEVICE"));
    const auto nonce = nonce_of(call);
    if (!device || !nonce) {
        return std::unexpected(!device ? device.error() : nonce.error());
    }
    const boost::json::object request = {{"device", hex16((*device)->id)}, {"nonce", dsmil::to_hex(*nonce)}};
    const auto body =
        ApiClient(call.socket).post("/v1/device/provision", boost::json::serialize(request), patience);
    const auto answer = body.and_then([](const std::string &text) { return decode_object("dsmild", text); });
    if (!answer) {
        return std::unexpected(answer.error());
    }
    const auto *made = answer->if_contains("made");
    if (made == nullptr || !made->is_bool()) {
        return dsmil::fail(dsmil::Code::failed, "the answer of dsmild does not say whether the key is new");
    }
    boost::json::object document = {{"schema", call.command->schema},
                                    {"device", hex16((*device)->id)},
                                    {"nonce", dsmil::to_hex(*nonce)},
                                    {"made", made->get_bool()}};
    for (const auto name : texts) {
        const auto text = string_member(*answer, name);
        if (!text) {
            return std::unexpected(text.error());
        }
        document[name] = *text;
    }
    if (call.json) {
        out.object(document);
        return 0;
    }
    const std::string pem(document["public_pem"].as_string());
    for (std::size_t at = 0, end = 0; (end = pem.find('\n', at)) != std::string::npos; at = end + 1) {
        out.line(printable(pem.substr(at, end - at)));
    }
    return 0;
}

} // namespace dsmilctl
