// SPDX-License-Identifier: Apache-2.0
#include "device_key_answer.hpp"

#include "api_answer.hpp"

#include <boost/json/value.hpp>

namespace dsmilctl {
namespace {

namespace attest = dsmil::attest;
using boost::json::object;
using dsmil::Result;

std::unexpected<dsmil::Error> malformed(std::string detail) {
    return dsmil::fail(dsmil::Code::attestation_failed, std::move(detail));
}

// In OpenSSL's form, which is for people; it must say what the TPM's form says.
Result<std::string> pem_of(const object &from, const char *name, const IdentityKey &key) {
    auto pem = string_member(from, name);
    const auto shown = pem ? attest::PublicKey::read(dsmil::as_bytes(*pem))
                           : Result<attest::PublicKey>(std::unexpected(pem.error()));
    if (!shown || !attest::same_key(*shown, key.key)) {
        return malformed(std::string("'") + name + "' is not the key that the TPM's form says");
    }
    return pem;
}

Result<attest::Certification> certification_of(const object &from) {
    const auto statement = string_member(from, "attest");
    const auto signature = string_member(from, "signature");
    auto said = statement ? dsmil::from_base64(*statement) : std::nullopt;
    auto signed_by = signature ? dsmil::from_base64(*signature) : std::nullopt;
    if (!said || !signed_by) {
        return malformed("the key has no certificate");
    }
    return attest::Certification{std::move(*said), std::move(*signed_by)};
}

} // namespace

Result<DeviceKeyAnswer> decode_device_key(const object &answer, dsmil::ByteView nonce) {
    const auto *made = answer.if_contains("made");
    const auto *ak_member = answer.if_contains("ak");
    if (made == nullptr || !made->is_bool() || ak_member == nullptr || !ak_member->is_object()) {
        return malformed("the answer of dsmild does not say whether the key is new, or who certifies it");
    }
    auto key = decode_identity_key(answer);
    auto ak = decode_identity_key(ak_member->get_object());
    if (!key || !ak) {
        return std::unexpected(std::move(!key ? key.error() : ak.error()));
    }
    auto pem = pem_of(answer, "public_pem", *key);
    auto ak_pem = pem_of(answer, "ak_public_pem", *ak);
    auto certification = certification_of(answer);
    if (!pem || !ak_pem || !certification) {
        return std::unexpected(std::move(!pem      ? pem.error()
                                         : !ak_pem ? ak_pem.error()
                                                   : certification.error()));
    }
    if (auto held = attest::verify_certification(*certification, ak->key, key->key, nonce); !held) {
        return std::unexpected(std::move(held.error()).in("the certificate of the device's key"));
    }
    return DeviceKeyAnswer{.made = made->get_bool(),
                           .key = std::move(*key),
                           .public_pem = std::move(*pem),
                           .certification = std::move(*certification),
                           .ak = std::move(*ak),
                           .ak_public_pem = std::move(*ak_pem)};
}

} // namespace dsmilctl
