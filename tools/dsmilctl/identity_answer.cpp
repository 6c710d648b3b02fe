// SPDX-License-Identifier: Apache-2.0
#include "identity_answer.hpp"

#include "api_answer.hpp"
#include "attest/ek_certificate.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <format>

namespace dsmilctl {
namespace {

namespace attest = dsmil::attest;
using boost::json::object;
using dsmil::Bytes;
using dsmil::Code;
using dsmil::Result;

constexpr std::size_t max_eks = 3;
constexpr std::size_t max_chain = 32;
constexpr std::size_t max_keys = 1'024;
constexpr std::size_t max_purpose = 64;
constexpr std::array<std::string_view, 3> ek_types = {"ecc-p256", "ecc-p384", "rsa-2048"};

std::unexpected<dsmil::Error> malformed(std::string detail) {
    return dsmil::fail(Code::attestation_failed, std::move(detail));
}

Result<std::string> text_of(const object &from, std::string_view name) {
    auto text = string_member(from, name);
    return text ? std::move(text) : malformed(text.error().detail);
}

Result<Bytes> bytes_of(const object &from, std::string_view name) {
    return text_of(from, name).and_then([&](const std::string &text) -> Result<Bytes> {
        auto bytes = dsmil::from_base64(text);
        if (!bytes) {
            return malformed(std::format("'{}' is not base64", name));
        }
        return std::move(*bytes);
    });
}

} // namespace

Result<IdentityKey> decode_identity_key(const object &from) {
    auto area = bytes_of(from, "public");
    const auto name = text_of(from, "name");
    if (!area || !name) {
        return std::unexpected(!area ? area.error() : name.error());
    }
    auto key = attest::PublicKey::read(*area);
    if (!key || !key->area()) {
        return malformed("'public' is no public area of a TPM");
    }
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): looked at above
    const auto computed = dsmil::to_hex(key->area()->name);
    if (computed != *name) {
        return malformed(std::format("the name {} is not that of its key", computed));
    }
    return IdentityKey{std::move(*area), std::move(*key)};
}

namespace {

Result<const boost::json::array *> list_of(const object &from, std::string_view name, std::size_t max) {
    const auto *list = from.if_contains(name);
    if (list == nullptr || !list->is_array() || list->get_array().size() > max ||
        !std::ranges::all_of(list->get_array(), [](const auto &item) { return item.is_object(); })) {
        return malformed(std::format("there is no list '{}' of at most {}", name, max));
    }
    return &list->get_array();
}

Result<std::vector<Bytes>> chain_of(const object &from) {
    const auto *list = from.if_contains("chain");
    if (list == nullptr || !list->is_array() || list->get_array().size() > max_chain) {
        return malformed("an endorsement key has no 'chain'");
    }
    std::vector<Bytes> chain;
    for (const auto &item : list->get_array()) {
        auto der = item.is_string() ? dsmil::from_base64(item.get_string()) : std::nullopt;
        if (!der || !attest::read_certificates(*der)) {
            return malformed("something in a 'chain' is no certificate");
        }
        chain.push_back(std::move(*der));
    }
    return chain;
}

// Of this key: what the maker certified and what the TPM has must be one.
Result<std::optional<Bytes>> certificate_of(const object &from, const IdentityKey &key) {
    const auto *member = from.if_contains("certificate");
    if (member != nullptr && member->is_null()) {
        return std::nullopt;
    }
    auto der = bytes_of(from, "certificate");
    if (!der) {
        return std::unexpected(std::move(der.error()));
    }
    const auto certificates = attest::read_certificates(*der);
    const auto certified = certificates ? attest::certified_key(certificates->front())
                                        : Result<attest::PublicKey>(std::unexpected(certificates.error()));
    if (!certified || !attest::same_key(*certified, key.key)) {
        return malformed("the certificate of an endorsement key is none, or for another key");
    }
    return std::optional(std::move(*der));
}

Result<IdentityAnswer::Ek> ek_of(const object &from) {
    auto type = text_of(from, "type");
    if (!type || !std::ranges::contains(ek_types, *type)) {
        return malformed("an endorsement key is of no known type");
    }
    auto key = decode_identity_key(from);
    if (!key) {
        return std::unexpected(std::move(key.error()));
    }
    auto certificate = certificate_of(from, *key);
    auto chain = chain_of(from);
    if (!certificate || !chain) {
        return std::unexpected(std::move(!certificate ? certificate.error() : chain.error()));
    }
    return IdentityAnswer::Ek{std::move(*type), std::move(*key), std::move(*certificate), std::move(*chain)};
}

bool is_file_name(std::string_view text) {
    return !text.empty() && text.size() <= max_purpose && text.front() != '-' &&
           std::ranges::all_of(text, [](char letter) {
               return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-';
           });
}

Result<IdentityAnswer::Own> own_of(const object &from, const IdentityKey &ak) {
    auto purpose = text_of(from, "purpose");
    if (!purpose || !is_file_name(*purpose)) {
        return malformed("a key has no purpose");
    }
    auto key = decode_identity_key(from);
    const auto *certificate = from.if_contains("certificate");
    if (!key || certificate == nullptr || !certificate->is_object()) {
        return !key ? std::unexpected(std::move(key.error()))
                    : malformed(std::format("the key {} is not certified", *purpose));
    }
    auto attest = bytes_of(certificate->get_object(), "attest");
    auto signature = bytes_of(certificate->get_object(), "signature");
    if (!attest || !signature) {
        return std::unexpected(std::move(!attest ? attest.error() : signature.error()));
    }
    attest::Certification certification{std::move(*attest), std::move(*signature)};
    if (auto held = attest::verify_certification(certification, ak.key, key->key, {}); !held) {
        return std::unexpected(std::move(held.error()).in(std::format("the certificate of {}", *purpose)));
    }
    return IdentityAnswer::Own{std::move(*purpose), std::move(*key), std::move(certification)};
}

} // namespace

Result<IdentityAnswer> decode_identity(const object &answer) {
    const auto *ak_member = answer.if_contains("ak");
    auto ak = ak_member != nullptr && ak_member->is_object()
                  ? decode_identity_key(ak_member->get_object())
                  : Result<IdentityKey>(malformed("there is no attestation key"));
    const auto eks = list_of(answer, "ek", max_eks);
    const auto keys = list_of(answer, "keys", max_keys);
    if (!ak || !eks || !keys) {
        return std::unexpected(!ak ? ak.error() : !eks ? eks.error() : keys.error());
    }
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): decode_identity_key() takes none without
    if (!attest::is_attestation_key(*ak->key.area())) {
        return malformed("the attestation key's attributes let it sign what no TPM made");
    }
    IdentityAnswer identity{.eks = {}, .ak = std::move(*ak), .keys = {}};
    for (const auto &item : **eks) {
        auto ek = ek_of(item.get_object());
        if (!ek) {
            return std::unexpected(std::move(ek.error()));
        }
        if (std::ranges::contains(identity.eks, ek->type, &IdentityAnswer::Ek::type)) {
            return malformed("there are two endorsement keys of one type");
        }
        identity.eks.push_back(std::move(*ek));
    }
    for (const auto &item : **keys) {
        auto key = own_of(item.get_object(), identity.ak);
        if (!key) {
            return std::unexpected(std::move(key.error()));
        }
        if (std::ranges::contains(identity.keys, key->purpose, &IdentityAnswer::Own::purpose)) {
            return malformed("there are two keys of one purpose");
        }
        identity.keys.push_back(std::move(*key));
    }
    return identity;
}

} // namespace dsmilctl
