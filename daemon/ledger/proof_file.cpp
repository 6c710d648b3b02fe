// SPDX-License-Identifier: Apache-2.0
#include "ledger/proof_file.hpp"

#include "ledger/note.hpp"

#include <algorithm>
#include <charconv>
#include <format>

namespace dsmil::ledger {
namespace {

constexpr std::string_view inclusion_header = "c2sp.org/tlog-proof@v1";
constexpr std::size_t max_witness_hashes = 63; // C2SP tlog-witness

std::unexpected<Error> bad(std::string_view why) {
    return fail(Code::failed, std::format("not a proof: {}", why));
}

// Takes a line off the front, without its newline; nothing when there is no whole one.
std::optional<std::string_view> take_line(std::string_view &text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
}

// "WORD 123", the number without leading zeros.
Result<std::uint64_t> take_number(std::string_view &text, std::string_view word) {
    auto line = take_line(text);
    if (!line || !line->starts_with(word) || !line->substr(word.size()).starts_with(' ')) {
        return bad(std::format("it lacks the line \"{} NUMBER\"", word));
    }
    line->remove_prefix(word.size() + 1);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(line->data(), line->data() + line->size(), number);
    if (error != std::errc{} || end != line->data() + line->size() ||
        (line->size() > 1 && line->starts_with('0'))) {
        return bad(std::format("\"{}\" is not followed by a number", word));
    }
    return number;
}

// Hashes, an empty line, and the rest, which must be a note.
Result<Proof> take_proof(std::string_view &text, std::size_t limit) {
    Proof proof;
    for (;;) {
        const auto line = take_line(text);
        if (!line) {
            return bad("it lacks the empty line before the checkpoint");
        }
        if (line->empty()) {
            break;
        }
        const auto hash = from_base64(*line);
        if (!hash || hash->size() != sizeof(Hash)) {
            return bad(std::format("its hash {} is none", proof.size() + 1));
        }
        if (proof.size() == limit) {
            return bad(std::format("it has more than {} hashes", limit));
        }
        std::ranges::copy(*hash, proof.emplace_back().begin());
    }
    if (auto note = Note::parse(text); !note) {
        return std::unexpected(std::move(note.error()));
    }
    return proof;
}

std::string lines(const Proof &proof) {
    std::string text;
    for (const auto &hash : proof) {
        text += to_base64(hash) + "\n";
    }
    return text;
}

} // namespace

Result<InclusionFile> InclusionFile::parse(std::string_view text) {
    if (text.size() > max_proof_file_bytes) {
        return bad("it is too large");
    }
    if (take_line(text) != inclusion_header) {
        return bad(std::format("its first line is not {}", inclusion_header));
    }
    InclusionFile file;
    constexpr std::string_view extra = "extra ";
    if (text.starts_with(extra)) {
        const auto line = take_line(text).value_or("extra ");
        file.extra = from_base64(line.substr(extra.size()));
        if (!file.extra || file.extra->size() > max_extra_bytes) {
            return bad("its extra data are no base64, or too long");
        }
    }
    const auto index = take_number(text, "index");
    if (!index) {
        return std::unexpected(index.error());
    }
    file.index = *index;
    auto proof = take_proof(text, max_proof_hashes);
    if (!proof) {
        return std::unexpected(std::move(proof.error()));
    }
    file.proof = std::move(*proof);
    file.checkpoint = text;
    return file;
}

std::string InclusionFile::format() const {
    std::string text = std::format("{}\n", inclusion_header);
    if (extra) {
        text += std::format("extra {}\n", to_base64(*extra));
    }
    return text + std::format("index {}\n{}\n{}", index, lines(proof), checkpoint);
}

Result<ConsistencyFile> ConsistencyFile::parse(std::string_view text) {
    if (text.size() > max_proof_file_bytes) {
        return bad("it is too large");
    }
    ConsistencyFile file;
    const auto old_size = take_number(text, "old");
    if (!old_size) {
        return std::unexpected(old_size.error());
    }
    file.old_size = *old_size;
    auto proof = take_proof(text, max_witness_hashes);
    if (!proof) {
        return std::unexpected(std::move(proof.error()));
    }
    file.proof = std::move(*proof);
    file.checkpoint = text;
    return file;
}

std::string ConsistencyFile::format() const {
    return std::format("old {}\n{}\n{}", old_size, lines(proof), checkpoint);
}

} // namespace dsmil::ledger
