// SPDX-License-Identifier: Apache-2.0
// Signed notes and verifier keys as C2SP signed-note has them.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::ledger {

inline constexpr std::size_t max_note_bytes = 65'536;
inline constexpr std::size_t max_note_signatures = 32;

enum class SignatureType : std::uint8_t {
    ed25519 = 0x01,
    ecdsa = 0x02, // with SHA-256; the key id is the start of the SHA-256 of the SPKI
};

// name+hex(id)+base64(type || key): what a verifier must hold.
struct VerifierKey {
    std::string name;
    std::uint32_t id = 0;
    SignatureType type = SignatureType::ecdsa;
    Bytes key; // SPKI in DER for ECDSA, 32 bytes for Ed25519

    // White space around it is ignored; the id must be that of the key. usage otherwise.
    [[nodiscard]] static Result<VerifierKey> parse(std::string_view text);
    // The key of a P-256 public key; the name must be fit for a key (usage).
    [[nodiscard]] static Result<VerifierKey> ecdsa(std::string name, Bytes spki);
    [[nodiscard]] std::string text() const;
};

// No spaces, no plus, not empty, UTF-8.
[[nodiscard]] bool is_key_name(std::string_view name);

struct NoteSignature {
    std::string name;
    std::uint32_t id = 0;
    Bytes signature;
};

struct Note {
    std::string text; // ends in a newline
    std::vector<NoteSignature> signatures;

    // failed when it is no note.
    [[nodiscard]] static Result<Note> parse(std::string_view note);
    [[nodiscard]] std::string format() const;
};

enum class NoteVerdict : std::uint8_t {
    signed_by_key, // one of the key's signatures is there and right
    wrong,         // one of the key's signatures is there and does not hold
    unknown,       // the key did not sign it
};

[[nodiscard]] NoteVerdict verify(const Note &note, const VerifierKey &key);

} // namespace dsmil::ledger
