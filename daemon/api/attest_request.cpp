// SPDX-License-Identifier: Apache-2.0
#include "api/attest_request.hpp"

#include "api/json_members.hpp"
#include "tpm/service.hpp"

#include <boost/json/value.hpp>
#include <format>

namespace dsmil::api {
namespace {

constexpr std::size_t min_nonce_bytes = 8;

} // namespace

Result<AttestRequest> parse_attest_request(std::string_view body) {
    const auto object = parse_object(body);
    if (!object) {
        return std::unexpected(object.error());
    }
    AttestRequest request;
    for (unsigned pcr = 0; pcr < 16; pcr++) {
        request.pcrs.push_back(pcr);
    }
    for (const auto &[name, value] : *object) {
        if (name == "nonce") {
            auto nonce = parse_hex(name, value, min_nonce_bytes, tpm::max_nonce_bytes);
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
