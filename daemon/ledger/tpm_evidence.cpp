// SPDX-License-Identifier: Apache-2.0
#include "ledger/tpm_evidence.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <optional>
#include <utility>

namespace dsmil::ledger {
namespace {

namespace json = boost::json;

constexpr std::string_view schema = "dsmil.audit-evidence/1";
constexpr std::size_t max_depth = 4;

json::object to_json(const attest::NvCertification &certification) {
    return {{"attest", to_base64(certification.attest)}, {"signature", to_base64(certification.signature)}};
}

std::optional<Bytes> bytes_member(const json::object &object, std::string_view name) {
    const auto *value = object.if_contains(name);
    return value != nullptr && value->is_string() ? from_base64(std::string_view(value->get_string()))
                                                  : std::nullopt;
}

std::optional<attest::NvCertification> certification_member(const json::object &object,
                                                            std::string_view name) {
    const auto *value = object.if_contains(name);
    if (value == nullptr || !value->is_object()) {
        return std::nullopt;
    }
    auto attest = bytes_member(value->get_object(), "attest");
    auto signature = bytes_member(value->get_object(), "signature");
    if (!attest || !signature) {
        return std::nullopt;
    }
    return attest::NvCertification{std::move(*attest), std::move(*signature)};
}

std::unexpected<Error> malformed(std::string why) {
    return fail(Code::malformed, "it is no TPM evidence: " + std::move(why));
}

} // namespace

json::object evidence_json(const AnchorEvidence &evidence) {
    return {{"schema", schema},
            {"value", to_json(evidence.value)},
            {"count", to_json(evidence.count)},
            {"ak_public_pem", evidence.ak_public_pem}};
}

Result<AnchorEvidence> parse_evidence(std::string_view text) {
    if (text.size() > max_evidence_bytes) {
        return malformed("it is too large");
    }
    json::parse_options limits;
    limits.max_depth = max_depth;
    boost::system::error_code error;
    const auto parsed = json::parse(text, error, {}, limits);
    if (error || !parsed.is_object()) {
        return malformed("it is no JSON object");
    }
    const auto &object = parsed.get_object();
    const auto *named = object.if_contains("schema");
    if (named == nullptr || !named->is_string() || std::string_view(named->get_string()) != schema) {
        return malformed(std::string("its schema is not ") + std::string(schema));
    }
    auto value = certification_member(object, "value");
    auto count = certification_member(object, "count");
    if (!value || !count) {
        return malformed("value and count each need attest and signature, in base64");
    }
    const auto *pem = object.if_contains("ak_public_pem");
    return AnchorEvidence{
        .value = std::move(*value),
        .count = std::move(*count),
        .ak_public_pem = pem != nullptr && pem->is_string() ? std::string(pem->get_string()) : std::string(),
    };
}

Result<AnchorWitness> verify_evidence(const AnchorEvidence &evidence, const attest::PublicKey &ak,
                                      ByteView nonce) {
    auto value = attest::verify_nv_certification(evidence.value, ak, anchor_value_public, nonce);
    if (!value) {
        return std::unexpected(std::move(value.error()).in("the TPM's index"));
    }
    auto count = attest::verify_nv_certification(evidence.count, ak, anchor_count_public, nonce);
    if (!count) {
        return std::unexpected(std::move(count.error()).in("the TPM's counter"));
    }
    AnchorWitness witness;
    std::ranges::copy(*value, witness.value.begin());
    for (const std::uint8_t byte : *count) {
        witness.count = witness.count << 8U | byte;
    }
    return witness;
}

} // namespace dsmil::ledger
