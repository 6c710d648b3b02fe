// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "device_key_answer.hpp"
#include "expected_ak.hpp"
#include "new_folder.hpp"
#include "nonce.hpp"
#include "output.hpp"
#include "text.hpp"

#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace dsmilctl {
namespace {

using dsmil::Result;

constexpr std::chrono::seconds patience{150}; // some chips are slow with a new key

std::vector<std::string> file_names() {
    return {"key.pem", "key.pub", "key.name", "key.attest", "key.sig", "ak.pem", "ak.pub", "nonce"};
}

Result<void> keep(NewFolder &place, const DeviceKeyAnswer &answer, const dsmil::Bytes &nonce) {
    const auto nonce_line = dsmil::to_hex(nonce) + "\n";
    const std::array<std::string_view, 8> contents = {answer.public_pem,
                                                      dsmil::as_text(answer.key.public_area),
                                                      dsmil::as_text(answer.key.name()),
                                                      dsmil::as_text(answer.certification.attest),
                                                      dsmil::as_text(answer.certification.signature),
                                                      answer.ak_public_pem,
                                                      dsmil::as_text(answer.ak.public_area),
                                                      nonce_line};
    return place.keep(contents);
}

Result<DeviceKeyAnswer> ask(const Call &call, std::uint16_t device, const dsmil::Bytes &nonce) {
    const boost::json::object request = {{"device", hex16(device)}, {"nonce", dsmil::to_hex(nonce)}};
    return ApiClient(call.socket)
        .post("/v1/device/provision", boost::json::serialize(request), patience)
        .and_then([](const std::string &text) { return decode_object("dsmild", text); })
        .and_then([&](const boost::json::object &answer) { return decode_device_key(answer, nonce); });
}

boost::json::object json(const Call &call, std::uint16_t device, const dsmil::Bytes &nonce,
                         const DeviceKeyAnswer &answer) {
    const auto out = call.option("--out");
    return {{"schema", call.command->schema},
            {"device", hex16(device)},
            {"nonce", dsmil::to_hex(nonce)},
            {"made", answer.made},
            {"public_pem", answer.public_pem},
            {"public", dsmil::to_base64(answer.key.public_area)},
            {"name", dsmil::to_hex(answer.key.name())},
            {"attest", dsmil::to_base64(answer.certification.attest)},
            {"signature", dsmil::to_base64(answer.certification.signature)},
            {"ak_public_pem", answer.ak_public_pem},
            {"ak_public", dsmil::to_base64(answer.ak.public_area)},
            {"out", out ? boost::json::value(*out) : boost::json::value(nullptr)}};
}

} // namespace

Result<int> run_device_provision(const Call &call, Output &out) {
    const auto device = parse_device(call.argument("DEVICE"));
    const auto nonce = nonce_of(call);
    const auto trusted = expected_ak(call);
    if (!device || !nonce || !trusted) {
        return std::unexpected(!device ? device.error() : !nonce ? nonce.error() : trusted.error());
    }
    std::optional<NewFolder> place;
    if (const auto folder = call.option("--out")) {
        auto made = NewFolder::make(*folder, file_names());
        if (!made) {
            return std::unexpected(std::move(made.error()));
        }
        place.emplace(std::move(*made));
    }
    const auto answer = ask(call, (*device)->id, *nonce);
    if (!answer) {
        return std::unexpected(answer.error());
    }
    if (auto right = compare_ak(*trusted, answer->ak.key.spki()); !right) {
        return std::unexpected(std::move(right.error()));
    }
    if (place) {
        if (auto kept = keep(*place, *answer, *nonce); !kept) {
            return std::unexpected(std::move(kept.error()));
        }
    }
    if (call.json) {
        out.object(json(call, (*device)->id, *nonce, *answer));
        return 0;
    }
    const std::string &pem = answer->public_pem;
    for (std::size_t at = 0, end = 0; (end = pem.find('\n', at)) != std::string::npos; at = end + 1) {
        out.line(printable(pem.substr(at, end - at)));
    }
    return 0;
}

} // namespace dsmilctl
