// SPDX-License-Identifier: Apache-2.0
#include "ledger/note.hpp"

#include "base/sha256.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <format>
#include <memory>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace dsmil::ledger {
namespace {

constexpr std::string_view dash = "\u2014 ";

struct Deleter {
    void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter>;

std::uint32_t first_word(ByteView bytes) {
    return static_cast<std::uint32_t>(bytes[0]) << 24U | static_cast<std::uint32_t>(bytes[1]) << 16U |
           static_cast<std::uint32_t>(bytes[2]) << 8U | static_cast<std::uint32_t>(bytes[3]);
}

std::uint32_t key_id(const VerifierKey &key) {
    if (key.type == SignatureType::ecdsa) {
        return first_word(sha256(key.key));
    }
    const std::array<std::uint8_t, 2> separator = {'\n', static_cast<std::uint8_t>(key.type)};
    return first_word(sha256({as_bytes(key.name), separator, key.key}));
}

Key load(const VerifierKey &key) {
    if (key.type == SignatureType::ed25519) {
        return Key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.key.data(), key.key.size()));
    }
    const unsigned char *at = key.key.data();
    Key loaded(d2i_PUBKEY(nullptr, &at, static_cast<long>(key.key.size())));
    const bool whole = at == key.key.data() + key.key.size();
    std::array<char, 32> group{};
    const bool p256 = loaded &&
                      EVP_PKEY_get_group_name(loaded.get(), group.data(), group.size(), nullptr) == 1 &&
                      std::string_view(group.data()) == "prime256v1";
    return whole && p256 ? std::move(loaded) : nullptr;
}

bool holds(EVP_PKEY *key, SignatureType type, std::string_view text, ByteView signature) {
    const std::unique_ptr<EVP_MD_CTX, Deleter> context(EVP_MD_CTX_new());
    const EVP_MD *digest = type == SignatureType::ecdsa ? EVP_sha256() : nullptr;
    return context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), as_bytes(text).data(),
                            text.size()) == 1;
}

std::unexpected<Error> bad_note(std::string_view why) {
    return fail(Code::failed, std::format("not a signed note: {}", why));
}

Result<NoteSignature> parse_signature(std::string_view line) {
    if (!line.starts_with(dash)) {
        return bad_note("a signature line without its dash");
    }
    line.remove_prefix(dash.size());
    const auto space = line.find(' ');
    if (space == std::string_view::npos || !is_key_name(line.substr(0, space))) {
        return bad_note("a signature line without a key name");
    }
    const auto bytes = from_base64(line.substr(space + 1));
    if (!bytes || bytes->size() <= 4) {
        return bad_note("a signature that is not base64 of more than 4 bytes");
    }
    return NoteSignature{std::string(line.substr(0, space)), first_word(*bytes),
                         Bytes(bytes->begin() + 4, bytes->end())};
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) {
        text.remove_prefix(1);
    }
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
        text.remove_suffix(1);
    }
    return text;
}

} // namespace

bool is_key_name(std::string_view name) {
    const auto forbidden = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '+'; };
    // The Unicode spaces, as UTF-8: U+0085, U+00A0, U+1680, U+2000-200A, U+2028, U+2029, U+202F, U+205F,
    // U+3000.
    static constexpr std::array<std::string_view, 19> spaces = {
        "\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
        "\u2007", "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
    return !name.empty() && is_utf8(name) && std::ranges::none_of(name, forbidden) &&
           std::ranges::none_of(spaces, [&](std::string_view space) { return name.contains(space); });
}

Result<VerifierKey> VerifierKey::parse(std::string_view text) {
    text = trim(text);
    const auto bad = [](std::string_view why) {
        return fail(Code::usage, std::format("not a verifier key (name+id+key): {}", why));
    };
    const auto first = text.find('+');
    const auto second = first == std::string_view::npos ? first : text.find('+', first + 1);
    if (second == std::string_view::npos) {
        return bad("it lacks its three parts");
    }
    VerifierKey key;
    key.name = text.substr(0, first);
    const auto id = from_hex(text.substr(first + 1, second - first - 1));
    auto material = from_base64(text.substr(second + 1));
    if (!is_key_name(key.name) || !id || id->size() != 4 || !material || material->size() < 2) {
        return bad("a part of it is malformed");
    }
    if (material->front() != 0x01 && material->front() != 0x02) {
        return bad(std::format("signature type 0x{:02x} is not known here", material->front()));
    }
    key.type = static_cast<SignatureType>(material->front());
    key.key.assign(material->begin() + 1, material->end());
    key.id = first_word(*id);
    if (!load(key)) {
        return bad("the key itself is malformed");
    }
    if (key.id != key_id(key)) {
        return bad("the id is not that of the key");
    }
    return key;
}

Result<VerifierKey> VerifierKey::ecdsa(std::string name, Bytes spki) {
    VerifierKey key{std::move(name), 0, SignatureType::ecdsa, std::move(spki)};
    if (!is_key_name(key.name)) {
        return fail(Code::usage,
                    std::format("\"{}\" cannot name a key: it is empty, or has a space or a plus", key.name));
    }
    if (!load(key)) {
        return fail(Code::usage, "not a P-256 public key");
    }
    key.id = key_id(key);
    return key;
}

std::string VerifierKey::text() const {
    Bytes material = {static_cast<std::uint8_t>(type)};
    material.insert(material.end(), key.begin(), key.end());
    return std::format("{}+{:08x}+{}", name, id, to_base64(material));
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
        const auto end = rest.find('\n');
        auto signature = parse_signature(rest.substr(0, end));
        if (!signature) {
            return std::unexpected(std::move(signature.error()));
        }
        parsed.signatures.push_back(std::move(*signature));
        rest.remove_prefix(end + 1);
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
    for (const auto &[name, id, signature] : signatures) {
        Bytes bytes = {static_cast<std::uint8_t>(id >> 24U), static_cast<std::uint8_t>(id >> 16U),
                       static_cast<std::uint8_t>(id >> 8U), static_cast<std::uint8_t>(id)};
        bytes.insert(bytes.end(), signature.begin(), signature.end());
        note += std::format("{}{} {}\n", dash, name, to_base64(bytes));
    }
    return note;
}

NoteVerdict verify(const Note &note, const VerifierKey &key) {
    const Key loaded = load(key);
    NoteVerdict verdict = NoteVerdict::unknown;
    for (const auto &[name, id, signature] : note.signatures) {
        if (name != key.name || id != key.id) {
            continue; // Signatures of unknown keys are ignored, as the specification demands.
        }
        if (!loaded || !holds(loaded.get(), key.type, note.text, signature)) {
            return NoteVerdict::wrong;
        }
        verdict = NoteVerdict::signed_by_key;
    }
    return verdict;
}

} // namespace dsmil::ledger
