// SPDX-License-Identifier: Apache-2.0
// Signed notes, checkpoints and verifier keys: what is read is written the same.
#include "ledger/note.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/cosignature.hpp"

#include <array>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto input = dsmil::as_text({data, size});
    // A plain key, and one of a witness.
    static const std::array verifiers = {
        dsmil::ledger::NoteVerifier(
            dsmil::ledger::VerifierKey::parse(
                "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
                .value()),
        dsmil::ledger::NoteVerifier(
            dsmil::ledger::VerifierKey::parse(
                "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2")
                .value())};
    if (const auto note = dsmil::ledger::Note::parse(input)) {
        if (note->format() != input) {
            std::abort();
        }
        for (const auto &verifier : verifiers) {
            static_cast<void>(verifier.check(*note));
        }
        for (const auto &signature : note->signatures) {
            if (const auto parts = dsmil::ledger::split_cosignature(signature.signature)) {
                if (dsmil::ledger::join_cosignature(parts->first, parts->second) != signature.signature) {
                    std::abort();
                }
            }
        }
        static_cast<void>(dsmil::ledger::Checkpoint::parse(note->text));
    }
    if (const auto checkpoint = dsmil::ledger::Checkpoint::parse(input)) {
        if (!input.starts_with(checkpoint->text())) {
            std::abort();
        }
    }
    if (const auto keys = dsmil::ledger::parse_keys(input)) {
        for (const auto &key : *keys) {
            if (!dsmil::ledger::VerifierKey::parse(key.text())) {
                std::abort();
            }
        }
    }
    return 0;
}
