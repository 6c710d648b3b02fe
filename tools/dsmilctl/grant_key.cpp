// SPDX-License-Identifier: Apache-2.0
#include "grant_key.hpp"

#include <algorithm>
#include <memory>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string>

namespace dsmilctl {
namespace {

constexpr std::uint8_t uncompressed = 0x04; // SEC 1, 2.3.3

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key read(std::string_view pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    return {bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr, EVP_PKEY_free};
}

bool is_p256(EVP_PKEY *key) {
    std::array<char, 32> group{};
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(),
                                          nullptr) == 1 &&
           std::string_view(group.data()) == "prime256v1";
}

} // namespace

std::array<std::uint8_t, 32> P256Point::id() const {
    std::array<std::uint8_t, 65> point{uncompressed};
    std::ranges::copy(xy, point.begin() + 1);
    std::array<std::uint8_t, 32> digest{};
    EVP_Digest(point.data(), point.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
    return digest;
}

dsmil::Result<P256Point> parse_public_key(std::string_view pem) {
    const auto key = read(pem);
    if (!key || !is_p256(key.get())) {
        return dsmil::fail(dsmil::Code::usage, "it is no public key of P-256 in PEM (openssl pkey -pubout)");
    }
    EVP_PKEY_set_utf8_string_param(key.get(), OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
    std::array<std::uint8_t, 65> point{};
    std::size_t length = 0;
    if (EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(),
                                        &length) != 1 ||
        length != point.size() || point.front() != uncompressed) {
        return dsmil::fail(dsmil::Code::usage, "its point cannot be had");
    }
    P256Point result{};
    std::copy(point.begin() + 1, point.end(), result.xy.begin());
    return result;
}

} // namespace dsmilctl
