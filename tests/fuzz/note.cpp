// SPDX-License-Identifier: Apache-2.0
// Signed notes, checkpoints and verifier keys: what is read is written the same.
#include "ledger/note.hpp"
#include "ledger/checkpoint.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto input = dsmil::as_text({data, size});
    static const auto key = dsmil::ledger::VerifierKey::parse(
                                "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
                                .value();
    if (const auto note = dsmil::ledger::Note::parse(input)) {
        if (note->format() != input) {
            std::abort();
        }
        static_cast<void>(dsmil::ledger::verify(*note, key));
        static_cast<void>(dsmil::ledger::Checkpoint::parse(note->text));
    }
    if (const auto checkpoint = dsmil::ledger::Checkpoint::parse(input)) {
        if (!input.starts_with(checkpoint->text())) {
            std::abort();
        }
    }
    if (const auto other = dsmil::ledger::VerifierKey::parse(input)) {
        if (!dsmil::ledger::VerifierKey::parse(other->text())) {
            std::abort();
        }
    }
    return 0;
}
