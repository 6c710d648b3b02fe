// SPDX-License-Identifier: Apache-2.0
#include "proof_text.hpp"

#include "new_file.hpp"

#include <algorithm>
#include <format>

namespace dsmilctl {
namespace {

using dsmil::Bytes;
using dsmil::Code;
using dsmil::Result;
using dsmil::ledger::Proof;
using dsmil::ledger::VerifierKey;

constexpr std::size_t max_hash_text = 4096;
constexpr std::size_t max_proof_bytes = 65'536;
constexpr std::size_t max_key_file_bytes = 262'144; // 64 keys of ML-DSA-44

Result<void> add_hash(Proof &proof, std::string_view what, std::string_view word) {
    const auto name = std::format("hash {} of {}", proof.size() + 1, what);
    const auto bytes = parse_hash(name, word);
    if (!bytes) {
        return std::unexpected(bytes.error());
    }
    if (proof.size() == dsmil::ledger::max_proof_hashes) {
        return dsmil::fail(Code::proof_refused, std::format("{}: no proof has so many", name));
    }
    if (bytes->size() != sizeof(dsmil::Hash)) {
        return dsmil::fail(Code::proof_refused,
                           std::format("{} has {} bytes, not {}", name, bytes->size(), sizeof(dsmil::Hash)));
    }
    std::ranges::copy(*bytes, proof.emplace_back().begin());
    return {};
}

} // namespace

Result<Bytes> parse_hash(std::string_view what, std::string_view text) {
    auto bytes = text.size() <= max_hash_text ? dsmil::from_hex(text) : std::nullopt;
    if (!bytes && text.size() <= max_hash_text) {
        bytes = dsmil::from_base64(text);
    }
    if (!bytes) {
        return dsmil::fail(Code::usage, std::format("{} is neither hexadecimal nor base64", what));
    }
    return std::move(*bytes);
}

Result<Proof> parse_proof(std::string_view what, std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    Proof proof;
    // Between two commas, or before or behind the only one, there is a hash too: an empty one.
    const bool has_commas = text.contains(',');
    for (bool more = true; more;) {
        const auto comma = text.find(',');
        auto piece = text.substr(0, comma);
        more = comma != std::string_view::npos;
        text.remove_prefix(more ? comma + 1 : text.size());
        piece.remove_prefix(std::min(piece.find_first_not_of(blanks), piece.size()));
        bool is_needed = has_commas;
        while (is_needed || !piece.empty()) {
            is_needed = false;
            const auto word = piece.substr(0, piece.find_first_of(blanks));
            piece.remove_prefix(word.size());
            piece.remove_prefix(std::min(piece.find_first_not_of(blanks), piece.size()));
            if (auto added = add_hash(proof, what, word); !added) {
                return std::unexpected(std::move(added.error()));
            }
        }
    }
    return proof;
}

Result<Proof> read_proof(const Call &call) {
    const auto value = call.option("--proof").value_or("");
    if (!value.starts_with('@')) {
        return parse_proof("--proof", value);
    }
    const auto path = value.substr(1);
    const auto text = read_file(path, max_proof_bytes);
    if (!text) {
        return std::unexpected(text.error());
    }
    return parse_proof(path, *text);
}

Result<std::vector<VerifierKey>> read_note_keys(const Call &call) {
    const auto &value = call.argument("--key");
    if (auto key = VerifierKey::parse(value)) {
        return std::vector{std::move(*key)};
    }
    return read_keys_file(value);
}

Result<std::vector<VerifierKey>> read_keys_file(const std::string &path) {
    const auto text = read_file(path, max_key_file_bytes);
    if (!text) {
        return std::unexpected(text.error());
    }
    auto keys = dsmil::ledger::parse_keys(*text);
    if (!keys) {
        return std::unexpected(std::move(keys.error()).in(std::format("reading {}", path)));
    }
    return keys;
}

boost::json::array hex_list(const Proof &proof) {
    boost::json::array list;
    for (const auto &hash : proof) {
        list.emplace_back(dsmil::to_hex(hash));
    }
    return list;
}

} // namespace dsmilctl
