// SPDX-License-Identifier: Apache-2.0
#include "attest_answer.hpp"

#include "api_answer.hpp"
#include "text.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <format>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;

constexpr std::string_view pem_begin = "-----BEGIN PUBLIC KEY-----";
constexpr std::string_view pem_end = "-----END PUBLIC KEY-----";

std::unexpected<dsmil::Error> malformed(std::string detail) {
    return dsmil::fail(Code::attestation_failed, std::move(detail));
}

Result<dsmil::Bytes> bytes_member(const boost::json::object &answer, std::string_view name) {
    return string_member(answer, name).and_then([name](const std::string &text) -> Result<dsmil::Bytes> {
        auto bytes = dsmil::from_base64(text);
        if (!bytes) {
            return malformed(std::format("'{}' is not base64", name));
        }
        return std::move(*bytes);
    });
}

Result<std::map<unsigned, dsmil::Bytes>> pcr_values(const boost::json::object &answer) {
    const auto *pcrs = answer.if_contains("pcrs");
    if (pcrs == nullptr || !pcrs->is_object()) {
        return malformed("there are no PCR values");
    }
    std::map<unsigned, dsmil::Bytes> values;
    for (const auto &[key, value] : pcrs->get_object()) {
        const auto number = parse_number("PCR", key, dsmil::attest::pcr_count - 1);
        auto bytes = value.is_string() ? dsmil::from_hex(value.get_string()) : std::nullopt;
        if (!number || !bytes || !values.emplace(static_cast<unsigned>(*number), std::move(*bytes)).second) {
            return malformed("a PCR value is malformed");
        }
    }
    return values;
}

} // namespace

Result<dsmil::attest::QuoteBundle> decode_attestation(std::string_view body) {
    const auto answer = decode_object("dsmild", body);
    if (!answer) {
        return malformed(answer.error().detail);
    }
    auto quoted = bytes_member(*answer, "quoted");
    auto signature = bytes_member(*answer, "signature");
    auto pem = string_member(*answer, "ak_public_pem");
    const auto bank = string_member(*answer, "pcr_bank");
    auto pcrs = pcr_values(*answer);
    const std::initializer_list<const dsmil::Error *> errors = {
        quoted ? nullptr : &quoted.error(), signature ? nullptr : &signature.error(),
        pem ? nullptr : &pem.error(), bank ? nullptr : &bank.error(), pcrs ? nullptr : &pcrs.error()};
    for (const auto *error : errors) {
        if (error != nullptr) {
            return malformed(error->detail);
        }
    }
    if (*bank != "sha256") {
        return malformed(std::format("it is of PCR bank {}, not sha256", *bank));
    }
    return dsmil::attest::QuoteBundle{std::move(*quoted), std::move(*signature), std::move(*pem),
                                      std::move(*pcrs)};
}

Result<dsmil::Bytes> spki_of(std::string_view pem) {
    const auto from = pem.find(pem_begin);
    const auto to = pem.find(pem_end);
    if (from == std::string_view::npos || to == std::string_view::npos || to < from + pem_begin.size()) {
        return malformed("there is no public key in PEM");
    }
    std::string body(pem.substr(from + pem_begin.size(), to - from - pem_begin.size()));
    std::erase_if(body, [](char c) { return c == '\n' || c == '\r'; });
    auto der = dsmil::from_base64(body);
    if (!der || der->empty()) {
        return malformed("the public key is malformed");
    }
    return std::move(*der);
}

} // namespace dsmilctl
