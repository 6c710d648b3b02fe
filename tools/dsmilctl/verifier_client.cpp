// SPDX-License-Identifier: Apache-2.0
#include "verifier_client.hpp"

#include "api_answer.hpp"
#include "config/values.hpp"
#include "verifierd/rules.hpp"

#include <format>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;
namespace https = dsmil::https;

// Judging a long IMA list takes a while.
constexpr std::chrono::seconds patience{120};
constexpr std::uint64_t max_answer_bytes = 16U << 20U;

} // namespace

Result<VerifierConfig> read_verifier_config(const Call &call) {
    const std::string path = call.option("--config").value_or(default_verifier_config);
    const auto text = dsmil::config::read_text(path);
    if (!text) {
        return std::unexpected(text.error());
    }
    return parse_verifier_config(*text, path);
}

Result<VerifierClient> VerifierClient::open(const Call &call) {
    auto config = read_verifier_config(call);
    if (!config) {
        return std::unexpected(std::move(config.error()));
    }
    auto address = dsmil::verifierd::parse_address(config->verifier.address);
    if (!address) {
        return dsmil::fail(Code::config_invalid, "verifier.address must be \"host:port\"");
    }
    auto tls = https::TlsContext::make(https::Side::client, {.certificate = config->verifier.certificate,
                                                             .key = config->verifier.key,
                                                             .authorities = config->verifier.authorities,
                                                             .revoked = {}});
    if (!tls) {
        return std::unexpected(std::move(tls.error()));
    }
    return VerifierClient(std::move(*config), std::move(*tls),
                          {.host = std::move(address->host), .port = address->port, .common_name = {}});
}

Result<boost::json::object> VerifierClient::ask(const https::Call &call) const {
    const auto reply = https::request(tls_, peer_, call);
    if (!reply) {
        return std::unexpected(reply.error());
    }
    if (reply->status / 100 != 2) {
        return std::unexpected(decode_error(reply->status, reply->body));
    }
    return decode_object("the verifier", reply->body);
}

Result<boost::json::object> VerifierClient::get(std::string target) const {
    return ask({.verb = https::Verb::get,
                .target = std::move(target),
                .body = {},
                .patience = patience,
                .max_reply_bytes = max_answer_bytes});
}

Result<boost::json::object> VerifierClient::post(std::string target, std::string body) const {
    return ask({.verb = https::Verb::post,
                .target = std::move(target),
                .body = std::move(body),
                .patience = patience,
                .max_reply_bytes = max_answer_bytes});
}

} // namespace dsmilctl
