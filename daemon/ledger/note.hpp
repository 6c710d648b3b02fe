// SPDX-License-Identifier: Apache-2.0
// Signed notes as C2SP signed-note has them.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"
#include "ledger/verifier_key.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::ledger {

inline constexpr std::size_t max_note_bytes = 131'072; // 32 signatures of ML-DSA-44
inline constexpr std::size_t max_note_signatures = 32;

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

// One signature line, with its newline. parse: failed when it is none.
[[nodiscard]] Result<NoteSignature> parse_signature_line(std::string_view line);
[[nodiscard]] std::string signature_line(const NoteSignature &signature);

enum class NoteVerdict : std::uint8_t {
    signed_by_key, // one of the key's signatures is there and right
    wrong,         // one of the key's signatures is there and does not hold
    unknown,       // the key did not sign it
};

struct NoteCheck {
    NoteVerdict verdict = NoteVerdict::unknown;
    std::uint64_t timestamp = 0; // of the newest right cosignature, seconds of POSIX time
};

// Checks many notes with one key. Signatures of other keys are ignored, as the
// specification demands; a cosignature on what is no checkpoint is wrong.
class NoteVerifier {
  public:
    explicit NoteVerifier(VerifierKey key) : key_(std::move(key)), loaded_(key_) {}
    [[nodiscard]] NoteCheck check(const Note &note) const;
    [[nodiscard]] const VerifierKey &key() const { return key_; }

  private:
    VerifierKey key_;
    LoadedKey loaded_;
};

// With a key that is needed once.
[[nodiscard]] NoteVerdict verify(const Note &note, const VerifierKey &key);

} // namespace dsmil::ledger
