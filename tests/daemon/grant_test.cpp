// SPDX-License-Identifier: Apache-2.0
#include "grants/grant.hpp"
#include "grants/public_key.hpp"

#include <cstring>
#include <gtest/gtest.h>

namespace {

using dsmil::Code;
namespace grants = dsmil::grants;

dsmil_grant_body body_of(std::uint8_t signers) {
    dsmil_grant_body body{};
    body.device_id = 0x8064;
    body.signer_count = signers;
    return body;
}

const std::string signature = "\x30\x06\x02\x01\x01\x02\x01\x01";

TEST(Grant, WhatIsSignedBeginsWithThePrefixAndItsNul) {
    const auto message = grants::message_of(body_of(1));
    ASSERT_EQ(message.size(), 15U + sizeof(dsmil_grant_body));
    EXPECT_EQ(message.substr(0, 15), std::string("dsmil-grant-v1\0", 15));
}

TEST(Grant, WhatIsNoDraftIsAUsageError) {
    const auto message = grants::message_of(body_of(1));
    for (const auto &wrong : {std::string(), message.substr(1), message + "x", "x" + message.substr(1)}) {
        EXPECT_EQ(grants::assemble(wrong, {signature}).error().code, Code::usage);
    }
}

TEST(Grant, SignaturesMustBeAsManyAndOfTheForm) {
    const auto message = grants::message_of(body_of(2));
    for (const std::vector<std::string> &wrong : {std::vector<std::string>{},
                                                  {signature},
                                                  {signature, signature, signature},
                                                  {signature, ""},
                                                  {signature, "\x30"},
                                                  {signature, std::string(73, '\x30')},
                                                  {signature, "x" + signature}}) {
        EXPECT_EQ(grants::assemble(message, wrong).error().code, Code::usage);
    }
}

TEST(Grant, IsTheBodyAndItsPaddedSignatures) {
    const auto grant = grants::assemble(grants::message_of(body_of(2)), {signature, signature});
    ASSERT_TRUE(grant);
    ASSERT_EQ(grant->size(), DSMIL_GRANT_BYTES(2));
    dsmil_grant_signature second{};
    std::memcpy(&second, grant->data() + DSMIL_GRANT_BYTES(1), sizeof(second));
    EXPECT_EQ(second.length, signature.size());
    EXPECT_EQ(std::memcmp(second.der, signature.data(), signature.size()), 0);
    EXPECT_EQ(second.der[signature.size()], 0);
}

// RFC 6979, A.2.5: the public key of its P-256 example.
constexpr std::string_view rfc6979 = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7
Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
-----END PUBLIC KEY-----
)";

TEST(PublicKey, WhatIsNoneIsAUsageError) {
    for (const std::string_view wrong :
         {std::string_view(), std::string_view("-----BEGIN PUBLIC KEY-----"), rfc6979.substr(0, 100)}) {
        EXPECT_EQ(grants::parse_public_key(wrong).error().code, Code::usage);
    }
}

TEST(PublicKey, HasItsPointAndItsId) {
    const auto point = grants::parse_public_key(rfc6979);
    ASSERT_TRUE(point);
    EXPECT_EQ(dsmil::to_hex(point->xy), "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                                        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
    EXPECT_EQ(dsmil::to_hex(point->id()), "b18b86ce1389e46de87aa4a5131ce83c1160fa33c087ab15b863574d31d8ff3c");
}

} // namespace
