// SPDX-License-Identifier: Apache-2.0
#include "grant_text.hpp"

#include <algorithm>
#include <cstring>
#include <format>

namespace dsmilctl {
namespace {

constexpr std::string_view prefix(DSMIL_GRANT_PREFIX, sizeof(DSMIL_GRANT_PREFIX)); // with its NUL
constexpr std::size_t der_bytes_min = 8;
constexpr std::size_t der_bytes_max = 72;

dsmil::Result<dsmil_grant_body> body_of(std::string_view message) {
    dsmil_grant_body body{};
    if (message.size() != prefix.size() + sizeof(body) || !message.starts_with(prefix)) {
        return dsmil::fail(dsmil::Code::usage, "it is no draft of a grant");
    }
    std::memcpy(&body, message.data() + prefix.size(), sizeof(body));
    return body;
}

} // namespace

std::string message_of(const dsmil_grant_body &body) {
    std::string message(prefix);
    return message.append(reinterpret_cast<const char *>(&body), sizeof(body));
}

dsmil::Result<std::string> assemble_grant(std::string_view message,
                                          const std::vector<std::string> &signatures) {
    const auto body = body_of(message);
    if (!body) {
        return std::unexpected(body.error());
    }
    if (body->signer_count != signatures.size()) {
        return dsmil::fail(dsmil::Code::usage, std::format("the draft wants {} signatures, not {}",
                                                           body->signer_count, signatures.size()));
    }
    std::string grant(message.substr(prefix.size()));
    for (const auto &der : signatures) {
        if (der.size() < der_bytes_min || der.size() > der_bytes_max || der.front() != '\x30') {
            return dsmil::fail(dsmil::Code::usage,
                               "a signature is no ECDSA signature in DER (openssl dgst -sha256 -sign)");
        }
        dsmil_grant_signature signature{};
        signature.length = static_cast<__le16>(der.size()); // little-endian, as all that this runs on
        std::memcpy(signature.der, der.data(), der.size());
        grant.append(reinterpret_cast<const char *>(&signature), sizeof(signature));
    }
    return grant;
}

} // namespace dsmilctl
