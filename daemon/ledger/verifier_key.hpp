// SPDX-License-Identifier: Apache-2.0
// Verifier keys as C2SP signed-note has them: what a verifier must hold.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct evp_pkey_st;

namespace dsmil::ledger {

inline constexpr std::size_t max_keys = 64; // of a key file

enum class SignatureType : std::uint8_t {
    ed25519 = 0x01,
    ecdsa = 0x02,               // with SHA-256; the key id is the start of the SHA-256 of the SPKI
    cosignature_ed25519 = 0x04, // with a timestamp (C2SP tlog-cosignature)
    cosignature_mldsa = 0x06,   // ML-DSA-44, with a timestamp (C2SP tlog-cosignature)
};

// Those two begin with a timestamp, and only checkpoints have them.
[[nodiscard]] constexpr bool is_cosignature(SignatureType type) {
    return type == SignatureType::cosignature_ed25519 || type == SignatureType::cosignature_mldsa;
}

// name+hex(id)+base64(type || key)
struct VerifierKey {
    std::string name;
    std::uint32_t id = 0;
    SignatureType type = SignatureType::ecdsa;
    Bytes key; // SPKI in DER for ECDSA, 32 bytes for Ed25519, 1,312 for ML-DSA-44

    // White space around it is ignored; the id must be that of the key. usage otherwise.
    [[nodiscard]] static Result<VerifierKey> parse(std::string_view text);
    // The key of a P-256 public key; the name must be fit for a key (usage).
    [[nodiscard]] static Result<VerifierKey> ecdsa(std::string name, Bytes spki);
    // The key of 32 or 1,312 bytes of the other types (usage).
    [[nodiscard]] static Result<VerifierKey> raw(std::string name, SignatureType type, Bytes key);
    [[nodiscard]] std::string text() const;
};

// A key a line, 1 to max_keys of them; empty lines and those that begin with # are ignored.
// usage: one of them is malformed, or there twice.
[[nodiscard]] Result<std::vector<VerifierKey>> parse_keys(std::string_view text);

// No spaces, no plus, not empty, UTF-8.
[[nodiscard]] bool is_key_name(std::string_view name);

// OpenSSL's form of a key, loaded once for many signatures.
class LoadedKey {
  public:
    // Empty when the bytes are no key of the type.
    explicit LoadedKey(const VerifierKey &key);
    [[nodiscard]] explicit operator bool() const { return key_ != nullptr; }
    // Of the bytes that the type signs, not of a note.
    [[nodiscard]] bool holds(ByteView message, ByteView signature) const;

  private:
    struct Deleter {
        void operator()(evp_pkey_st *key) const;
    };
    SignatureType type_;
    std::unique_ptr<evp_pkey_st, Deleter> key_;
};

} // namespace dsmil::ledger
