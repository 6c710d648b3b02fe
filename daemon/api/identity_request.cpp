// SPDX-License-Identifier: Apache-2.0
#include "api/identity_request.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <format>

namespace dsmil::api {
namespace {

constexpr std::size_t max_json_depth = 2;

Result<Bytes> parse_part(std::string_view member, const boost::json::value &value, std::size_t max) {
    const auto *text = value.if_string();
    auto bytes = text != nullptr ? from_base64(*text) : std::nullopt;
    // A TPM2B says its own size.
    constexpr std::size_t header = 2;
    if (!bytes || bytes->size() <= header || bytes->size() > max ||
        (std::size_t{(*bytes)[0]} << 8U | (*bytes)[1]) != bytes->size() - header) {
        return fail(Code::usage,
                    std::format("{} must be a TPM2B of at most {} bytes in base64", member, max));
    }
    return std::move(*bytes);
}

Result<void> take(std::string_view name, const boost::json::value &value, ActivateRequest &request) {
    if (name == "ek") {
        const auto *text = value.if_string();
        const auto algorithm =
            text != nullptr ? tpm::ek_algorithm(std::string_view(*text)) : std::optional<tpm::EkAlgorithm>{};
        if (!algorithm) {
            return fail(Code::usage, "ek must be ecc-p256, ecc-p384 or rsa-2048");
        }
        request.ek = *algorithm;
        return {};
    }
    const bool credential = name == "credential";
    if (!credential && name != "secret") {
        return fail(Code::usage, std::format("there is no member {}", name));
    }
    auto bytes =
        parse_part(name, value, credential ? sizeof(TPM2B_ID_OBJECT) : sizeof(TPM2B_ENCRYPTED_SECRET));
    if (!bytes) {
        return std::unexpected(std::move(bytes.error()));
    }
    (credential ? request.credential : request.secret) = std::move(*bytes);
    return {};
}

} // namespace

Result<ActivateRequest> parse_activate_request(std::string_view body) {
    boost::system::error_code error;
    boost::json::parse_options options;
    options.max_depth = max_json_depth;
    const auto parsed = boost::json::parse(body, error, {}, options);
    const auto *object = error ? nullptr : parsed.if_object();
    if (object == nullptr) {
        return fail(Code::usage, "the body must be a JSON object",
                    error ? std::vector{error.message()} : std::vector<std::string>{});
    }
    ActivateRequest request;
    for (const auto &[name, value] : *object) {
        if (auto taken = take(name, value, request); !taken) {
            return std::unexpected(std::move(taken.error()));
        }
    }
    for (const std::string_view name : {"ek", "credential", "secret"}) {
        if (!object->contains(name)) {
            return fail(Code::usage, std::format("{} is missing", name));
        }
    }
    return request;
}

} // namespace dsmil::api
