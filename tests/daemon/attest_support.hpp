// SPDX-License-Identifier: Apache-2.0
// A TPM's side of an attestation, made of a key in memory: for the verifier's tests.
#pragma once

#include "attest/quote.hpp"
#include "attest/signature.hpp"

#include <array>

namespace dsmil::test {

// What goes into a TPMS_ATTEST; tests change one thing at a time.
struct QuoteIngredients {
    Bytes magic = {0xFF, 0x54, 0x43, 0x47};
    unsigned type = 0x8018;
    Bytes signer = Bytes(34, 3);
    Bytes nonce = Bytes(16, 7);
    std::uint64_t clock_ms = 1000;
    std::uint32_t reset_count = 5;
    std::uint32_t restart_count = 2;
    bool clock_safe = true;
    std::uint64_t firmware_version = 0x0001000200030004;
    unsigned banks = 1;
    unsigned bank = 0x000B;
    std::array<std::uint8_t, 3> select = {0b1000'0001, 0, 0}; // PCRs 0 and 7
    attest::Pcrs pcrs = {{0, Bytes(32, 1)}, {7, Bytes(32, 2)}};
    attest::HashAlg hash = attest::HashAlg::sha256; // of the signature, and so of the values
    Bytes after;
};

[[nodiscard]] Bytes make_quoted(const QuoteIngredients &in);

class AttestKey {
  public:
    explicit AttestKey(attest::KeyKind kind);

    [[nodiscard]] std::string pem() const { return key_.pem(); }
    // TPMT_PUBLIC of a key with these attributes.
    [[nodiscard]] Bytes area(std::uint32_t attributes) const;
    // TPMT_SIGNATURE, by the scheme that is named.
    [[nodiscard]] Bytes sign(ByteView message, attest::Signature::Scheme scheme, attest::HashAlg hash) const;
    // As OpenSSL writes it.
    [[nodiscard]] Bytes sign_plain(ByteView message, attest::Signature::Scheme scheme,
                                   attest::HashAlg hash) const;
    [[nodiscard]] attest::PublicKey public_key() const;

  private:
    attest::PublicKey key_; // with its private half
};

} // namespace dsmil::test
