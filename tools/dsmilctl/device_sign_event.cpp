// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "grants/public_key.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "text.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <format>
#include <limits>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;

constexpr std::chrono::seconds patience{120};

struct Signed {
    std::string message;
    dsmil::Bytes signature;
    std::string public_pem;
};

// The key that comes with it signed these very words, and they are of this device and record.
Result<Signed> decode(const boost::json::object &answer, std::uint16_t device, std::uint64_t record) {
    const auto message = string_member(answer, "message");
    const auto encoded = string_member(answer, "signature");
    const auto pem = string_member(answer, "public_pem");
    if (!message || !encoded || !pem) {
        return std::unexpected(!message ? message.error() : !encoded ? encoded.error() : pem.error());
    }
    const auto signature = dsmil::from_base64(*encoded);
    const auto key = dsmil::grants::parse_public_key(*pem);
    const bool is_of_it =
        message->starts_with(std::format("dsmil-security-event-v1\ndevice {}\n", hex16(device))) &&
        message->contains(std::format("\nrecord {}\n", record));
    if (!is_of_it || !signature || !key || !key->signed_this(*message, *signature)) {
        return dsmil::fail(Code::attestation_failed,
                           "the answer of dsmild is no signed event of this record");
    }
    return Signed{*message, *signature, *pem};
}

} // namespace

dsmil::Result<int> run_device_sign_event(const Call &call, Output &out) {
    const auto device = parse_device(call.argument("DEVICE"));
    const auto record =
        parse_number("RECORD", call.argument("RECORD"), std::numeric_limits<std::int64_t>::max());
    if (!device || !record) {
        return std::unexpected(!device ? device.error() : record.error());
    }
    // Made before the TPM is asked, so that what it signed is not lost for want of a place.
    const std::string &path = call.argument("FILE");
    auto message_file = NewFile::make(path);
    if (!message_file) {
        return std::unexpected(std::move(message_file.error()));
    }
    auto signature_file = NewFile::make(path + ".sig");
    if (!signature_file) {
        return std::unexpected(std::move(signature_file.error()));
    }
    const auto event = ApiClient(call.socket)
                           .post("/v1/device/sign-event",
                                 boost::json::serialize(boost::json::object{{"device", hex16((*device)->id)},
                                                                            {"record", *record}}),
                                 patience)
                           .and_then([](const std::string &text) { return decode_object("dsmild", text); })
                           .and_then([&](const boost::json::object &answer) {
                               return decode(answer, (*device)->id, *record);
                           });
    if (!event) {
        return std::unexpected(event.error());
    }
    // The signature first: words without one are never taken for signed ones.
    auto kept = signature_file->publish(dsmil::as_text(event->signature));
    if (kept) {
        kept = message_file->publish(event->message);
    }
    if (!kept) {
        return std::unexpected(std::move(kept.error()));
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"device", hex16((*device)->id)},
                    {"record", *record},
                    {"file", path},
                    {"signature_file", path + ".sig"},
                    {"message", event->message},
                    {"signature", dsmil::to_base64(event->signature)},
                    {"public_pem", event->public_pem}});
        return 0;
    }
    const std::string &message = event->message;
    for (std::size_t at = 0, end = 0; (end = message.find('\n', at)) != std::string::npos; at = end + 1) {
        out.line(printable(message.substr(at, end - at)));
    }
    return 0;
}

} // namespace dsmilctl
