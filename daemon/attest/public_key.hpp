// SPDX-License-Identifier: Apache-2.0
// Public keys as OpenSSL and as TPMs write them.
#pragma once

#include "attest/hash.hpp"
#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <memory>
#include <openssl/types.h>
#include <optional>
#include <string>
#include <string_view>

namespace dsmil::attest {

struct KeyDeleter {
    void operator()(EVP_PKEY *key) const;
};
using KeyPointer = std::unique_ptr<EVP_PKEY, KeyDeleter>;

enum class KeyKind : std::uint8_t { rsa, p256, p384 };

// TPM 2.0 Library, Part 2, 8.3 (TPMA_OBJECT): the bits that are looked at.
namespace object {
inline constexpr std::uint32_t fixed_tpm = 1U << 1U;
inline constexpr std::uint32_t fixed_parent = 1U << 4U;
inline constexpr std::uint32_t sensitive_data_origin = 1U << 5U;
inline constexpr std::uint32_t user_with_auth = 1U << 6U;
inline constexpr std::uint32_t admin_with_policy = 1U << 7U;
inline constexpr std::uint32_t restricted = 1U << 16U;
inline constexpr std::uint32_t decrypt = 1U << 17U;
inline constexpr std::uint32_t sign = 1U << 18U;
} // namespace object

// The symmetric algorithm of a storage key or an EK; algorithm 0x0010 is none.
struct Symmetric {
    std::uint16_t algorithm = 0x0010; // TPM_ALG_ID
    std::uint16_t key_bits = 0;
    std::uint16_t mode = 0;
};

// What only a TPM's form of the key says.
struct PublicArea {
    HashAlg name_alg = HashAlg::sha256;
    std::uint32_t attributes = 0;
    Bytes auth_policy;
    Symmetric symmetric;
    Bytes marshalled; // TPMT_PUBLIC
    Bytes name;       // the algorithm's number and the hash of `marshalled`
};

// restricted, sign, fixedTPM, fixedParent, made inside, and not decrypt: it signs nothing but what a
// TPM made, if a TPM vouches for these attributes.
[[nodiscard]] bool is_attestation_key(const PublicArea &area);

class PublicKey {
  public:
    // RSA of 2048 to 4096 bits with an odd exponent from 65537 on, P-256 or P-384; as PEM
    // (SubjectPublicKeyInfo), TPM2B_PUBLIC or TPMT_PUBLIC: the bytes tell which. malformed says what was seen
    // instead.
    [[nodiscard]] static Result<PublicKey> read(ByteView file);
    // From a certificate; malformed if it is of another kind.
    [[nodiscard]] static Result<PublicKey> of(KeyPointer key);

    [[nodiscard]] KeyKind kind() const { return kind_; }
    [[nodiscard]] const std::optional<PublicArea> &area() const { return area_; } // nothing from PEM
    [[nodiscard]] Bytes spki() const;                                             // DER
    [[nodiscard]] std::string pem() const;
    [[nodiscard]] EVP_PKEY *get() const { return key_.get(); }

  private:
    PublicKey(KeyPointer key, KeyKind kind, std::optional<PublicArea> area)
        : key_(std::move(key)), kind_(kind), area_(std::move(area)) {}
    [[nodiscard]] static Result<PublicKey> from_area(ByteView marshalled);
    KeyPointer key_;
    KeyKind kind_;
    std::optional<PublicArea> area_;
};

// RSA's modulus (with its exponent), or the point of an elliptic curve, each as long as the field.
struct PublicNumbers {
    Bytes first;
    Bytes second; // of a point
    std::uint32_t exponent = 0;
};
[[nodiscard]] PublicNumbers public_numbers(const PublicKey &key);
// The same numbers, whatever the form that each came in.
[[nodiscard]] bool same_key(const PublicKey &one, const PublicKey &other);

[[nodiscard]] std::string_view name_of(KeyKind kind); // "P-256"

// The bytes of a curve's coordinate, or of RSA's modulus.
[[nodiscard]] std::size_t field_bytes(const PublicKey &key);

} // namespace dsmil::attest
