// SPDX-License-Identifier: Apache-2.0
#include "ledger/verifier_key.hpp"

#include "base/sha256.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <format>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace dsmil::ledger {
namespace {

struct ContextDeleter {
    void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
};

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

std::string group_of(EVP_PKEY *key) {
    std::array<char, 32> group{};
    return key != nullptr && EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1
               ? group.data()
               : "";
}

EVP_PKEY *load_spki(ByteView spki) {
    const unsigned char *at = spki.data();
    EVP_PKEY *key = d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size()));
    // The curves that signed-note allows.
    static constexpr std::array<std::string_view, 3> curves = {"prime256v1", "secp384r1", "secp521r1"};
    if (at != spki.data() + spki.size() || !std::ranges::contains(curves, group_of(key))) {
        EVP_PKEY_free(key);
        return nullptr;
    }
    return key;
}

EVP_PKEY *load(const VerifierKey &key) {
    switch (key.type) {
    case SignatureType::ecdsa:
        return load_spki(key.key);
    case SignatureType::ed25519:
    case SignatureType::cosignature_ed25519:
        return EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, key.key.data(), key.key.size());
    case SignatureType::cosignature_mldsa:
        return EVP_PKEY_new_raw_public_key_ex(nullptr, "ML-DSA-44", nullptr, key.key.data(), key.key.size());
    }
    return nullptr;
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

Result<void> check_name(std::string_view name) {
    if (!is_key_name(name)) {
        return fail(Code::usage,
                    std::format("\"{}\" cannot name a key: it is empty, or has a space or a plus", name));
    }
    return {};
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
    static constexpr std::array<std::uint8_t, 4> known = {0x01, 0x02, 0x04, 0x06};
    if (!std::ranges::contains(known, material->front())) {
        return bad(std::format("signature type 0x{:02x} is not known here", material->front()));
    }
    key.type = static_cast<SignatureType>(material->front());
    key.key.assign(material->begin() + 1, material->end());
    key.id = first_word(*id);
    if (!LoadedKey(key)) {
        return bad("the key itself is malformed");
    }
    if (key.id != key_id(key)) {
        return bad("the id is not that of the key");
    }
    return key;
}

Result<VerifierKey> VerifierKey::ecdsa(std::string name, Bytes spki) {
    if (auto named = check_name(name); !named) {
        return std::unexpected(std::move(named.error()));
    }
    VerifierKey key{std::move(name), 0, SignatureType::ecdsa, std::move(spki)};
    const std::unique_ptr<EVP_PKEY, decltype([](EVP_PKEY *p) { EVP_PKEY_free(p); })> loaded(load(key));
    if (group_of(loaded.get()) != "prime256v1") {
        return fail(Code::usage, "not a P-256 public key");
    }
    key.id = key_id(key);
    return key;
}

Result<VerifierKey> VerifierKey::raw(std::string name, SignatureType type, Bytes bytes) {
    if (auto named = check_name(name); !named) {
        return std::unexpected(std::move(named.error()));
    }
    VerifierKey key{std::move(name), 0, type, std::move(bytes)};
    if (type == SignatureType::ecdsa || !LoadedKey(key)) {
        return fail(Code::usage, "not a public key of that type");
    }
    key.id = key_id(key);
    return key;
}

std::string VerifierKey::text() const {
    Bytes material = {static_cast<std::uint8_t>(type)};
    material.insert(material.end(), key.begin(), key.end());
    return std::format("{}+{:08x}+{}", name, id, to_base64(material));
}

Result<std::vector<VerifierKey>> parse_keys(std::string_view text) {
    std::vector<VerifierKey> keys;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        auto key = VerifierKey::parse(line);
        if (!key) {
            return std::unexpected(std::move(key.error()));
        }
        if (keys.size() == max_keys) {
            return fail(Code::usage, std::format("there are more than {} verifier keys", max_keys));
        }
        if (std::ranges::any_of(keys, [&](const VerifierKey &other) {
                return other.name == key->name && other.id == key->id;
            })) {
            return fail(Code::usage, std::format("the key {}+{:08x} is there twice", key->name, key->id));
        }
        keys.push_back(std::move(*key));
    }
    if (keys.empty()) {
        return fail(Code::usage, "not a verifier key (name+id+key): there is none");
    }
    return keys;
}

void LoadedKey::Deleter::operator()(evp_pkey_st *key) const {
    EVP_PKEY_free(key);
}

LoadedKey::LoadedKey(const VerifierKey &key) : type_(key.type), key_(load(key)) {}

bool LoadedKey::holds(ByteView message, ByteView signature) const {
    const std::unique_ptr<EVP_MD_CTX, ContextDeleter> context(EVP_MD_CTX_new());
    const EVP_MD *digest = type_ == SignatureType::ecdsa ? EVP_sha256() : nullptr;
    return key_ && context &&
           EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                            message.size()) == 1;
}

} // namespace dsmil::ledger
