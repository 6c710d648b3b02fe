// SPDX-License-Identifier: Apache-2.0
#include "attest/ima.hpp"

#include "attest/quote.hpp"
#include "attest/reader.hpp"

#include <algorithm>
#include <charconv>
#include <format>
#include <string_view>

namespace dsmil::attest {
namespace {

constexpr std::size_t old_name_bytes = 256; // IMA_EVENT_NAME_LEN_MAX and the NUL
constexpr std::size_t old_digest_bytes = 20;
constexpr std::size_t max_name_bytes = 4096 + 1; // PATH_MAX
constexpr std::size_t max_template_name = 32;
constexpr std::size_t max_template_bytes = 1UZ << 20U; // ima-buf can hold a key or a command line

using Why = std::string;

// What of an entry is hashed, and what it says.
struct Content {
    std::string template_name;
    Bytes hashed; // as the kernel hashes it
    HashAlg file_hash = HashAlg::sha1;
    Bytes file_digest;
    Bytes path; // with its NUL
};

bool is_new_template(std::string_view name) {
    return name == "ima-ng" || name == "ima-sig" || name == "ima-buf";
}

void append_field(Bytes &bytes, ByteView field) {
    const auto size = static_cast<std::uint32_t>(field.size());
    for (unsigned i = 0; i < 4; i++) {
        bytes.push_back(static_cast<std::uint8_t>(size >> (8 * i)));
    }
    bytes.insert(bytes.end(), field.begin(), field.end());
}

Bytes old_content(ByteView file_digest, ByteView name) {
    Bytes hashed = to_bytes(file_digest);
    hashed.insert(hashed.end(), name.begin(), name.end());
    hashed.resize(old_digest_bytes + old_name_bytes);
    return hashed;
}

// "sha256:" NUL digest, the field d-ng.
std::expected<void, Why> read_file_digest(ByteView field, Content &content) {
    const auto colon = std::ranges::find(field, ':');
    const auto at = static_cast<std::size_t>(colon - field.begin());
    if (at + 2 > field.size() || field[at + 1] != 0) {
        return std::unexpected("the digest of the file has no algorithm");
    }
    const auto hash = hash_alg(as_text(field.first(at)));
    const ByteView value = field.subspan(at + 2);
    if (!hash || value.size() != size_of(*hash)) {
        return std::unexpected(
            std::format("the digest of the file is of an algorithm that is not known ({}) or "
                        "not of its size",
                        hash ? name_of(*hash) : "?"));
    }
    content.file_hash = *hash;
    content.file_digest = to_bytes(value);
    return {};
}

// The measured value against what the list says of it. A violation is all zeros there.
std::expected<ImaEntry, Why> finish(unsigned pcr, ByteView listed, const Content &content) {
    ImaEntry entry;
    entry.pcr = pcr;
    entry.template_name = content.template_name;
    entry.file_hash = content.file_hash;
    entry.file_digest = Digest::of(content.file_digest).value_or(Digest());
    const auto end = std::ranges::find(content.path, 0);
    entry.path.assign(content.path.begin(), end);
    entry.violation = std::ranges::all_of(listed, [](std::uint8_t byte) { return byte == 0; });
    if (pcr >= pcr_count) {
        return std::unexpected(std::format("it is of PCR {}", pcr));
    }
    if (entry.violation) {
        entry.extended = Digest(size_of(HashAlg::sha256));
        std::fill_n(entry.extended.data(), entry.extended.size(), std::uint8_t{0xFF});
        return entry;
    }
    const HashAlg alg = listed.size() == size_of(HashAlg::sha256) ? HashAlg::sha256 : HashAlg::sha1;
    if (digest(alg, content.hashed) != listed) {
        return std::unexpected("");
    }
    entry.extended = digest(HashAlg::sha256, content.hashed);
    return entry;
}

// ------------------------------------------------------------------ binary --

std::expected<Content, Why> read_new(std::string_view name, ByteView data) {
    LittleReader fields(data);
    Content content;
    content.template_name = name;
    content.hashed = to_bytes(data);
    const ByteView file_digest = fields.take(fields.number<std::uint32_t>());
    const ByteView path = fields.take(fields.number<std::uint32_t>());
    if (name != "ima-ng") {
        fields.take(fields.number<std::uint32_t>()); // a signature or a buffer
    }
    if (!fields.complete() || path.empty() || path.back() != 0 || path.size() > max_name_bytes) {
        return std::unexpected("its fields are damaged");
    }
    content.path = to_bytes(path);
    if (auto read = read_file_digest(file_digest, content); !read) {
        return std::unexpected(std::move(read.error()));
    }
    return content;
}

std::expected<Content, Why> read_old(LittleReader &reader) {
    Content content;
    content.template_name = "ima";
    const ByteView file_digest = reader.take(old_digest_bytes);
    const ByteView name = reader.take(reader.number<std::uint32_t>());
    if (!reader.ok() || name.size() >= old_name_bytes) {
        return std::unexpected("its fields are damaged");
    }
    content.hashed = old_content(file_digest, name);
    content.file_digest = to_bytes(file_digest);
    content.path = to_bytes(name);
    content.path.push_back(0);
    return content;
}

std::expected<ImaEntry, Why> read_binary(LittleReader &reader) {
    const auto pcr = reader.number<std::uint32_t>();
    const ByteView listed = reader.take(old_digest_bytes);
    const auto name_size = reader.number<std::uint32_t>();
    if (name_size > max_template_name) {
        return std::unexpected("the name of its template is too long; this may be no IMA list");
    }
    const std::string name(as_text(reader.take(name_size)));
    if (name == "ima") {
        const auto content = read_old(reader);
        return content ? finish(pcr, listed, *content) : std::unexpected(content.error());
    }
    if (!is_new_template(name)) {
        return std::unexpected(std::format("its template '{}' is not ima, ima-ng, ima-sig or ima-buf", name));
    }
    const auto size = reader.number<std::uint32_t>();
    const ByteView data = reader.take(size);
    if (!reader.ok() || size > max_template_bytes) {
        return std::unexpected("it is cut");
    }
    const auto content = read_new(name, data);
    return content ? finish(pcr, listed, *content) : std::unexpected(content.error());
}

// ------------------------------------------------------------------- ASCII --

// The text before the next blank; what is left begins after it.
std::string_view next_word(std::string_view &line) {
    const auto blank = std::min(line.find(' '), line.size());
    const auto word = line.substr(0, blank);
    line.remove_prefix(std::min(blank + 1, line.size()));
    return word;
}

std::expected<Content, Why> read_new_ascii(std::string_view name, std::string_view rest) {
    const auto word = next_word(rest);
    const auto colon = std::min(word.find(':'), word.size());
    const auto value = from_hex(word.substr(std::min(colon + 1, word.size())));
    if (!value || colon == word.size()) {
        return std::unexpected("the digest of the file is not like sha256:00...");
    }
    Bytes file_digest = to_bytes(as_bytes(word.substr(0, colon + 1)));
    file_digest.push_back(0);
    file_digest.insert(file_digest.end(), value->begin(), value->end());

    Content content;
    content.template_name = name;
    // IMA writes no blank in a path; without a signature there is a blank and nothing after it.
    const auto path = name == "ima-ng" ? rest : next_word(rest);
    if (path.empty() || path.size() >= max_name_bytes) {
        return std::unexpected("it has no path, or one that is too long");
    }
    content.path = to_bytes(as_bytes(path));
    content.path.push_back(0);
    append_field(content.hashed, file_digest);
    append_field(content.hashed, content.path);
    if (name != "ima-ng") {
        const auto third = from_hex(rest);
        if (!third) {
            return std::unexpected("its last field is not hexadecimal");
        }
        append_field(content.hashed, *third);
    }
    if (auto read = read_file_digest(file_digest, content); !read) {
        return std::unexpected(std::move(read.error()));
    }
    return content;
}

std::expected<Content, Why> read_old_ascii(std::string_view rest) {
    const auto value = from_hex(next_word(rest));
    if (!value || value->size() != old_digest_bytes || rest.size() >= old_name_bytes) {
        return std::unexpected("its digest or its path is not one of the template ima");
    }
    Content content;
    content.template_name = "ima";
    content.file_digest = *value;
    content.path = to_bytes(as_bytes(rest));
    content.path.push_back(0);
    content.hashed = old_content(*value, as_bytes(rest));
    return content;
}

std::expected<ImaEntry, Why> read_ascii(std::string_view line) {
    // The PCR's number is two columns wide.
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const auto number = next_word(line);
    unsigned pcr = 0;
    const auto [end, error] = std::from_chars(number.begin(), number.end(), pcr);
    const auto listed = from_hex(next_word(line));
    const auto name = next_word(line);
    if (error != std::errc{} || end != number.end() || !listed ||
        (listed->size() != old_digest_bytes && listed->size() != size_of(HashAlg::sha256))) {
        return std::unexpected("it does not begin with a PCR and a hash; this may be no IMA list");
    }
    if (name != "ima" && !is_new_template(name)) {
        return std::unexpected(std::format("its template '{}' is not ima, ima-ng, ima-sig or ima-buf", name));
    }
    const auto content = name == "ima" ? read_old_ascii(line) : read_new_ascii(name, line);
    return content ? finish(pcr, *listed, *content) : std::unexpected(content.error());
}

// The binary form begins with the number of a PCR in 32 bits.
bool is_binary(ByteView list) {
    return list.size() >= 4 && list[1] == 0 && list[2] == 0 && list[3] == 0;
}

std::unexpected<Error> bad_entry(std::size_t number, const Why &why) {
    if (why.empty()) {
        return fail(
            Code::attestation_failed,
            std::format("the IMA list: the hash of entry {} is not that of its content; somebody changed "
                        "the list",
                        number));
    }
    return fail(Code::malformed, std::format("the IMA list: entry {}: {}", number, why));
}

} // namespace

Result<std::vector<ImaEntry>> parse_ima_list(ByteView list) {
    if (list.size() > max_ima_bytes) {
        return fail(Code::malformed, std::format("the IMA list: it has more than {} bytes", max_ima_bytes));
    }
    const bool binary = is_binary(list);
    LittleReader reader(list);
    std::string_view text = as_text(list);
    std::vector<ImaEntry> entries;
    while (binary ? !reader.at_end() : !text.empty()) {
        if (entries.size() >= max_ima_entries) {
            return fail(Code::malformed,
                        std::format("the IMA list: it has more than {} entries", max_ima_entries));
        }
        std::expected<ImaEntry, Why> entry;
        if (binary) {
            entry = read_binary(reader);
        } else {
            const auto line = text.substr(0, text.find('\n'));
            text.remove_prefix(std::min(line.size() + 1, text.size()));
            entry = read_ascii(line);
        }
        if (!entry) {
            return bad_entry(entries.size() + 1, entry.error());
        }
        entries.push_back(std::move(*entry));
    }
    return entries;
}

std::optional<std::size_t> quoted_prefix(const std::vector<ImaEntry> &list, unsigned pcr, ByteView value) {
    Digest now(size_of(HashAlg::sha256));
    if (now == value) {
        return 0;
    }
    for (std::size_t i = 0; i < list.size(); i++) {
        if (list[i].pcr == pcr) {
            now = digest(HashAlg::sha256, {now.view(), list[i].extended.view()});
            if (now == value) {
                return i + 1;
            }
        }
    }
    return std::nullopt;
}

} // namespace dsmil::attest
