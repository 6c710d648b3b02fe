// SPDX-License-Identifier: Apache-2.0
// Signatures as TPMs write them (TPMT_SIGNATURE) and as OpenSSL does.
#pragma once

#include "attest/hash.hpp"
#include "attest/public_key.hpp"

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

// What `tpm2_quote -f plain` and openssl write (DER of an ECDSA signature, or the number of an
// RSASSA one), which does not say its hash, as TPMT_SIGNATURE. malformed if it is neither.
[[nodiscard]] Result<Bytes> signature_from_plain(ByteView plain, const PublicKey &key, HashAlg hash);

} // namespace dsmil::attest
