// SPDX-License-Identifier: Apache-2.0
#include "ledger/signed_checkpoint.hpp"

#include <format>

namespace dsmil::ledger {

Result<SignedCheckpoint> read_signed(std::string_view text, std::span<const NoteVerifier> keys,
                                     std::string_view name) {
    auto note = Note::parse(text);
    if (!note) {
        return std::unexpected(std::move(note.error()).in(std::string(name)));
    }
    bool is_signed = true;
    for (const auto &key : keys) {
        const auto verdict = key.check(*note).verdict;
        if (verdict == NoteVerdict::wrong) {
            return fail(Code::signature_refused,
                        std::format("{}: that of {}+{:08x}", name, key.key().name, key.key().id));
        }
        is_signed = is_signed && (&key != keys.data() || verdict == NoteVerdict::signed_by_key);
    }
    if (!is_signed) {
        return fail(Code::not_signed, std::format("{} is not signed by {}", name, keys.front().key().name));
    }
    auto checkpoint = Checkpoint::parse(note->text);
    if (!checkpoint) {
        return std::unexpected(std::move(checkpoint.error()).in(std::string(name)));
    }
    return SignedCheckpoint{std::move(*checkpoint), std::move(*note)};
}

} // namespace dsmil::ledger
