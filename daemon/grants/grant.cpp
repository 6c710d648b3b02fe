// SPDX-License-Identifier: Apache-2.0
#include "grants/grant.hpp"

#include "dsmil/catalog.hpp"

#include <algorithm>
#include <cstring>
#include <format>

namespace dsmil::grants {
namespace {

constexpr std::string_view prefix(DSMIL_GRANT_PREFIX, sizeof(DSMIL_GRANT_PREFIX)); // with its NUL
constexpr std::size_t der_bytes_min = 8;
constexpr std::size_t der_bytes_max = 72;

} // namespace

Result<dsmil_grant_body> body_of(std::string_view message) {
    dsmil_grant_body body{};
    if (message.size() != prefix.size() + sizeof(body) || !message.starts_with(prefix)) {
        return fail(Code::usage, "it is no draft of a grant");
    }
    std::memcpy(&body, message.data() + prefix.size(), sizeof(body));
    return body;
}

std::string message_of(const dsmil_grant_body &body) {
    std::string message(prefix);
    return message.append(reinterpret_cast<const char *>(&body), sizeof(body));
}

Result<std::string> assemble(std::string_view message, const std::vector<std::string> &signatures) {
    const auto body = body_of(message);
    if (!body) {
        return std::unexpected(body.error());
    }
    if (body->signer_count != signatures.size()) {
        return fail(Code::usage, std::format("the draft wants {} signatures, not {}", body->signer_count,
                                             signatures.size()));
    }
    std::string grant(message.substr(prefix.size()));
    for (const auto &der : signatures) {
        if (der.size() < der_bytes_min || der.size() > der_bytes_max || der.front() != '\x30') {
            return fail(Code::usage, "a signature is no ECDSA signature in DER (openssl dgst -sha256 -sign)");
        }
        dsmil_grant_signature signature{};
        signature.length = static_cast<__le16>(der.size()); // little-endian, as all that this runs on
        std::memcpy(signature.der, der.data(), der.size());
        grant.append(reinterpret_cast<const char *>(&signature), sizeof(signature));
    }
    return grant;
}

std::string describe(const dsmil_grant_body &body) {
    const auto reg = body.reg < DSMIL_REGISTER_COUNT ? name(Register{body.reg}) : std::string_view("?");
    std::string text = std::format("{} of {} = 0x{:08x}", reg, describe_id(body.device_id), body.value);
    if (body.mask != 0xFFFFFFFF) {
        text += std::format(" in the bits 0x{:08x}", body.mask);
    }
    if ((body.flags & DSMIL_GRANT_EXPECT_OLD) != 0) {
        text += std::format(", if it holds 0x{:08x}", body.old_value);
    }
    return text + std::format(", by user {}", body.uid);
}

} // namespace dsmil::grants
