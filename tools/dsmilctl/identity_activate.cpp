// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "attest/credential.hpp"
#include "command.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "verify_files.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <format>
#include <optional>

namespace dsmilctl {
namespace {

namespace attest = dsmil::attest;
using dsmil::Bytes;
using dsmil::Code;
using dsmil::Result;

constexpr std::chrono::seconds patience{150}; // an RSA key takes some chips 8 s

// As long as RSA's number, or a point of a curve.
std::string_view kind_of(const Bytes &secret) {
    constexpr std::size_t header = 2;
    constexpr std::size_t point_of_p256 = 2 * (header + 32);
    constexpr std::size_t point_of_p384 = 2 * (header + 48);
    const std::size_t size = secret.size() - header;
    return size <= point_of_p256 ? "ecc-p256" : size <= point_of_p384 ? "ecc-p384" : "rsa-2048";
}

Result<Bytes> ask(const Call &call, std::string_view ek, const attest::CredentialFile &credential) {
    const auto body = ApiClient(call.socket)
                          .post("/v1/identity/activate",
                                boost::json::serialize(boost::json::object{
                                    {"ek", ek},
                                    {"credential", dsmil::to_base64(credential.credential)},
                                    {"secret", dsmil::to_base64(credential.secret)}}),
                                patience);
    const auto secret =
        body.and_then([](const std::string &text) { return decode_object("dsmild", text); })
            .and_then([](const boost::json::object &answer) { return string_member(answer, "secret"); });
    if (!secret) {
        return std::unexpected(secret.error());
    }
    auto bytes = dsmil::from_base64(*secret);
    if (!bytes) {
        return dsmil::fail(Code::failed, "the answer of dsmild has a secret that is not base64");
    }
    return std::move(*bytes);
}

} // namespace

Result<int> run_identity_activate(const Call &call, Output &out) {
    const auto file = read_named(call, "FILE");
    const auto credential = file.and_then([](const Bytes &bytes) { return attest::read_credential(bytes); });
    if (!credential) {
        return std::unexpected(
            file ? dsmil::Error(credential.error()).in(std::format("reading {}", call.argument("FILE")))
                 : credential.error());
    }
    std::optional<NewFile> place;
    if (const auto path = call.option("--out")) {
        auto made = NewFile::make(*path);
        if (!made) {
            return std::unexpected(std::move(made.error()));
        }
        place.emplace(std::move(*made));
    }
    const std::string ek = call.option("--ek").value_or(std::string(kind_of(credential->secret)));
    const auto secret = ask(call, ek, *credential);
    if (!secret) {
        return std::unexpected(secret.error());
    }
    if (place) {
        if (auto written = place->write(dsmil::as_text(*secret)).and_then([&] { return place->publish(); });
            !written) {
            return std::unexpected(std::move(written.error()));
        }
    }
    if (call.json) {
        const auto path = call.option("--out");
        out.object(
            {{"schema", call.command->schema},
             {"ek", ek},
             {"secret", place ? boost::json::value(nullptr) : boost::json::value(dsmil::to_hex(*secret))},
             {"out", path ? boost::json::value(*path) : boost::json::value(nullptr)}});
    } else if (place) {
        out.line(std::format("wrote {}: {} bytes", call.argument("--out"), secret->size()));
    } else {
        out.line(dsmil::to_hex(*secret));
    }
    return 0;
}

} // namespace dsmilctl
