// SPDX-License-Identifier: Apache-2.0
#include "ledger/note.hpp"

#include "ledger/checkpoint.hpp"
#include "ledger/cosignature.hpp"

#include <algorithm>
#include <format>
#include <optional>

namespace dsmil::ledger {
namespace {

constexpr std::string_view dash = "\u2014 ";

std::unexpected<Error> bad_note(std::string_view why) {
    return fail(Code::failed, std::format("not a signed note: {}", why));
}

// The time of a cosignature that holds, 0 for a plain signature that does; nothing otherwise.
std::optional<std::uint64_t> holds(const VerifierKey &key, const LoadedKey &loaded, std::string_view text,
                                   ByteView signature) {
    if (!is_cosignature(key.type)) {
        return loaded.holds(as_bytes(text), signature) ? std::optional<std::uint64_t>(0) : std::nullopt;
    }
    const auto checkpoint = Checkpoint::parse(text);
    const auto parts = split_cosignature(signature);
    if (!checkpoint || !parts) {
        return std::nullopt;
    }
    const auto &[timestamp, bytes] = *parts;
    if (key.type == SignatureType::cosignature_ed25519) {
        return loaded.holds(as_bytes(ed25519_cosigned_text(timestamp, text)), bytes)
                   ? std::optional(timestamp)
                   : std::nullopt;
    }
    const auto message = mldsa_cosigned_message(key.name, timestamp,
                                                {checkpoint->origin, 0, checkpoint->size, checkpoint->root});
    return message && loaded.holds(*message, bytes) ? std::optional(timestamp) : std::nullopt;
}

} // namespace

Result<NoteSignature> parse_signature_line(std::string_view line) {
    if (!line.starts_with(dash) || !line.ends_with('\n')) {
        return bad_note("a signature line without its dash or its end");
    }
    line.remove_prefix(dash.size());
    line.remove_suffix(1);
    const auto space = line.find(' ');
    if (space == std::string_view::npos || !is_key_name(line.substr(0, space))) {
        return bad_note("a signature line without a key name");
    }
    const auto bytes = from_base64(line.substr(space + 1));
    if (!bytes || bytes->size() <= 4) {
        return bad_note("a signature that is not base64 of more than 4 bytes");
    }
    std::uint32_t id = 0;
    for (const std::uint8_t byte : ByteView(*bytes).first(4)) {
        id = id << 8U | byte;
    }
    return NoteSignature{std::string(line.substr(0, space)), id, Bytes(bytes->begin() + 4, bytes->end())};
}

std::string signature_line(const NoteSignature &signature) {
    const std::uint32_t id = signature.id;
    Bytes bytes = {static_cast<std::uint8_t>(id >> 24U), static_cast<std::uint8_t>(id >> 16U),
                   static_cast<std::uint8_t>(id >> 8U), static_cast<std::uint8_t>(id)};
    bytes.insert(bytes.end(), signature.signature.begin(), signature.signature.end());
    return std::format("{}{} {}\n", dash, signature.name, to_base64(bytes));
}

Result<Note> Note::parse(std::string_view note) {
    if (note.size() > max_note_bytes) {
        return bad_note("it is too large");
    }
    const auto control = [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\n'; };
    if (!is_utf8(note) || std::ranges::any_of(note, control)) {
        return bad_note("it is not plain UTF-8");
    }
    const auto gap = note.rfind("\n\n");
    if (gap == std::string_view::npos || !note.ends_with('\n')) {
        return bad_note("it lacks the empty line before the signatures");
    }
    Note parsed;
    parsed.text = note.substr(0, gap + 1);
    for (auto rest = note.substr(gap + 2); !rest.empty();) {
        const auto end = rest.find('\n') + 1;
        auto signature = parse_signature_line(rest.substr(0, end));
        if (!signature) {
            return std::unexpected(std::move(signature.error()));
        }
        parsed.signatures.push_back(std::move(*signature));
        rest.remove_prefix(end);
        if (parsed.signatures.size() > max_note_signatures) {
            return bad_note("it has too many signatures");
        }
    }
    if (parsed.signatures.empty()) {
        return bad_note("it has no signature");
    }
    return parsed;
}

std::string Note::format() const {
    std::string note = text + "\n";
    for (const auto &signature : signatures) {
        note += signature_line(signature);
    }
    return note;
}

NoteCheck NoteVerifier::check(const Note &note) const {
    NoteCheck check;
    for (const auto &[name, id, signature] : note.signatures) {
        if (name != key_.name || id != key_.id) {
            continue;
        }
        const auto time = holds(key_, loaded_, note.text, signature);
        if (!time) {
            return {NoteVerdict::wrong, 0};
        }
        check = {NoteVerdict::signed_by_key, std::max(check.timestamp, *time)};
    }
    return check;
}

NoteVerdict verify(const Note &note, const VerifierKey &key) {
    return NoteVerifier(key).check(note).verdict;
}

} // namespace dsmil::ledger
