// SPDX-License-Identifier: Apache-2.0
#include "grants/public_key.hpp"

#include <algorithm>
#include <memory>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string>

namespace dsmil::grants {
namespace {

constexpr std::uint8_t uncompressed = 0x04; // SEC 1, 2.3.3

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Point = std::array<std::uint8_t, 65>;

Point with_tag(const P256Point &key) {
    Point point{uncompressed};
    std::ranges::copy(key.xy, point.begin() + 1);
    return point;
}

bool is_p256(EVP_PKEY *key) {
    std::array<char, 32> group{};
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(),
                                          nullptr) == 1 &&
           std::string_view(group.data()) == "prime256v1";
}

Result<P256Point> point_of(EVP_PKEY *key) {
    EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
    Point point{};
    std::size_t length = 0;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &length) !=
            1 ||
        length != point.size() || point.front() != uncompressed) {
        return fail(Code::usage, "its point cannot be had");
    }
    P256Point result{};
    std::copy(point.begin() + 1, point.end(), result.xy.begin());
    return result;
}

Key key_of(const P256Point &key) {
    Point point = with_tag(key);
    std::string group = "prime256v1";
    std::array parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size()),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
        OSSL_PARAM_construct_end(),
    };
    using Context = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
    const Context context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr), EVP_PKEY_CTX_free);
    EVP_PKEY *made = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.data()) != 1) {
        return {nullptr, EVP_PKEY_free};
    }
    return {made, EVP_PKEY_free};
}

} // namespace

KeyId P256Point::id() const {
    const Point point = with_tag(*this);
    KeyId digest{};
    EVP_Digest(point.data(), point.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
    return digest;
}

bool P256Point::signed_this(std::string_view message, ByteView der) const {
    const auto key = key_of(*this);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const ByteView bytes = as_bytes(message);
    return key && context &&
           EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), der.data(), der.size(), bytes.data(), bytes.size()) == 1;
}

Result<P256Point> parse_public_key(std::string_view pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    const Key key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr, EVP_PKEY_free);
    if (!key || !is_p256(key.get())) {
        return fail(Code::usage, "it is no public key of P-256 in PEM (openssl pkey -pubout)");
    }
    return point_of(key.get());
}

Result<P256Point> decode_public_key(ByteView spki) {
    const unsigned char *at = spki.data();
    const Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())), EVP_PKEY_free);
    if (!key || at != spki.data() + spki.size() || !is_p256(key.get())) {
        return fail(Code::usage, "it is no public key of P-256");
    }
    return point_of(key.get());
}

Result<std::string> encode_public_key(const P256Point &point) {
    const auto key = key_of(point);
    const Bio out(BIO_new(BIO_s_mem()), BIO_free);
    if (!key || !out || PEM_write_bio_PUBKEY(out.get(), key.get()) != 1) {
        return fail(Code::internal, "a public key could not be encoded");
    }
    char *data = nullptr;
    const long length = BIO_get_mem_data(out.get(), &data);
    return std::string(data, static_cast<std::size_t>(length));
}

} // namespace dsmil::grants
