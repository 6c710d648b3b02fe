// SPDX-License-Identifier: Apache-2.0
#include "api/attest_request.hpp"

#include "attest/quote.hpp"
#include "tpm/service.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <format>
#include <set>

namespace dsmil::api {
namespace {

constexpr std::size_t min_nonce_bytes = 8;
constexpr std::size_t max_json_depth = 4;

Result<std::vector<unsigned>> parse_pcrs(const boost::json::value &value) {
    const auto bad = [] {
        return fail(Code::usage, std::format("pcrs must be distinct numbers from 0 to {}, at least one",
                                             attest::pcr_count - 1));
    };
    if (!value.is_array() || value.get_array().empty()) {
        return bad();
    }
    std::set<unsigned> pcrs;
    for (const auto &item : value.get_array()) {
        const auto *number = item.if_int64();
        if (number == nullptr || *number < 0 || *number >= std::int64_t{attest::pcr_count} ||
            !pcrs.insert(static_cast<unsigned>(*number)).second) {
            return bad();
        }
    }
    return std::vector<unsigned>(pcrs.begin(), pcrs.end());
}

Result<Bytes> parse_nonce(const boost::json::value &value) {
    const auto *text = value.if_string();
    auto nonce = text != nullptr ? from_hex(*text) : std::nullopt;
    if (!nonce || nonce->size() < min_nonce_bytes || nonce->size() > tpm::max_nonce_bytes) {
        return fail(Code::usage, std::format("nonce must be {} to {} bytes in hexadecimal", min_nonce_bytes,
                                             tpm::max_nonce_bytes));
    }
    return std::move(*nonce);
}

} // namespace

Result<AttestRequest> parse_attest_request(std::string_view body) {
    boost::system::error_code error;
    boost::json::parse_options options;
    options.max_depth = max_json_depth;
    const auto parsed = boost::json::parse(body, error, {}, options);
    const auto *object = error ? nullptr : parsed.if_object();
    if (object == nullptr) {
        return fail(Code::usage, "the body must be a JSON object",
                    error ? std::vector{error.message()} : std::vector<std::string>{});
    }
    AttestRequest request;
    for (unsigned pcr = 0; pcr < 16; pcr++) {
        request.pcrs.push_back(pcr);
    }
    for (const auto &[name, value] : *object) {
        if (name == "nonce") {
            auto nonce = parse_nonce(value);
            if (!nonce) {
                return std::unexpected(std::move(nonce.error()));
            }
            request.nonce = std::move(*nonce);
        } else if (name == "pcrs") {
            auto pcrs = parse_pcrs(value);
            if (!pcrs) {
                return std::unexpected(std::move(pcrs.error()));
            }
            request.pcrs = std::move(*pcrs);
        } else {
            return fail(Code::usage, std::format("there is no member {}", std::string_view(name)));
        }
    }
    if (request.nonce.empty()) {
        return fail(Code::usage, "nonce is missing");
    }
    return request;
}

} // namespace dsmil::api
