// SPDX-License-Identifier: Apache-2.0
// Signatures as TPMs write them (TPMT_SIGNATURE) and as OpenSSL does.
#pragma once

#include "attest/hash.hpp"
#include "attest/public_key.hpp"

#include <array>
#include <memory>

namespace dsmil::attest {

struct Signature {
    enum class Scheme : std::uint8_t { ecdsa, rsassa, rsapss };
    Scheme scheme = Scheme::ecdsa;
    HashAlg hash = HashAlg::sha256;
    ByteView rsa; // of the RSA schemes
    ByteView r;   // of ECDSA
    ByteView s;
};

// attestation_failed ("signature: ...") unless it is one of these schemes with SHA-256, SHA-384 or
// SHA-512, fits the key and ends where the bytes do. Views of `marshalled`.
[[nodiscard]] Result<Signature> parse_signature(ByteView marshalled, const PublicKey &key);

// DER of an ECDSA signature, built in `place`; the part of it that is used.
inline constexpr std::size_t max_ecdsa_der_bytes = 2 + 2 * (2 + 1 + 48);
using EcdsaDer = std::array<std::uint8_t, max_ecdsa_der_bytes>;
[[nodiscard]] ByteView ecdsa_der(const Signature &signature, EcdsaDer &place);

// OpenSSL's context of a key, which may be kept: making it takes longer than a verification with it.
struct VerifyContextDeleter {
    void operator()(EVP_PKEY_CTX *context) const;
};
using VerifyContext = std::unique_ptr<EVP_PKEY_CTX, VerifyContextDeleter>;
[[nodiscard]] VerifyContext ecdsa_context(const PublicKey &key);
// For the scheme and the hash of `signature`.
[[nodiscard]] VerifyContext rsa_context(const PublicKey &key, const Signature &signature);
// `signature` is DER of an ECDSA signature or the number of an RSA one. False without a context.
[[nodiscard]] bool signature_holds(const VerifyContext &context, ByteView signature, const Digest &hash);

// All of it, once. attestation_failed ("signature: ...") unless `key` made `marshalled`
// (TPMT_SIGNATURE) of `message`.
[[nodiscard]] Result<void> verify_signature(const PublicKey &key, ByteView message, ByteView marshalled);

// What `tpm2_quote -f plain` and openssl write (DER of an ECDSA signature, or the number of an
// RSASSA one), which does not say its hash, as TPMT_SIGNATURE. malformed if it is neither.
[[nodiscard]] Result<Bytes> signature_from_plain(ByteView plain, const PublicKey &key, HashAlg hash);

} // namespace dsmil::attest
