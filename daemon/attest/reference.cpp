// SPDX-License-Identifier: Apache-2.0
#include "attest/reference.hpp"

#include "attest/quote.hpp"
#include "config/toml.hpp"

#include <charconv>
#include <format>
#include <functional>
#include <optional>

namespace dsmil::attest {
namespace {

constexpr std::size_t digest_bytes = 32;
constexpr std::size_t max_name_bytes = 2 + Digest::max_bytes;

// What is wrong with a value, or nothing.
using Complaint = std::optional<std::string>;

// Each string of an array, or of one string alone.
Complaint each(const toml::node &node, const std::function<Complaint(const std::string &)> &take) {
    const auto one = [&](const toml::node &item) -> Complaint {
        const auto text = item.value_exact<std::string>();
        return text ? take(*text) : "must be a string or an array of strings";
    };
    const auto *const array = node.as_array();
    if (array == nullptr) {
        return one(node);
    }
    for (const auto &item : *array) {
        if (auto complaint = one(item)) {
            return complaint;
        }
    }
    return std::nullopt;
}

// The same, at least one.
Complaint some(const toml::node &node, const std::function<Complaint(const std::string &)> &take) {
    const auto *const array = node.as_array();
    return array != nullptr && array->empty() ? "must not be empty; leave it out if any is right"
                                              : each(node, take);
}

Complaint take_digest(const std::string &text, std::set<Bytes> &place) {
    auto value = from_hex(text);
    if (!value || value->size() != digest_bytes) {
        return "must be SHA-256 digests: 64 hexadecimal digits each";
    }
    place.insert(std::move(*value));
    return std::nullopt;
}

Complaint take_name(const std::string &text, std::vector<Bytes> &place) {
    auto value = from_hex(text);
    if (!value || value->size() < 2 || value->size() > max_name_bytes) {
        return "must be names as tpm2_readpublic prints them: 000b and 64 hexadecimal digits";
    }
    place.push_back(std::move(*value));
    return std::nullopt;
}

Complaint take_version(const std::string &text, std::vector<std::uint64_t> &place) {
    std::uint64_t value = 0;
    const bool hex = text.starts_with("0x");
    const auto digits = std::string_view(text).substr(hex ? 2 : 0);
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value, 16);
    if (!hex || error != std::errc{} || end != digits.end()) {
        return "must be versions of 64 bits as strings, such as \"0x2023110100000000\"";
    }
    place.push_back(value);
    return std::nullopt;
}

// "sha256:00... /usr/bin/true".
Complaint take_file(const std::string &text, Reference &reference) {
    const auto blank = text.find(' ');
    const auto colon = text.find(':');
    const auto alg = hash_alg(std::string_view(text).substr(0, std::min(colon, text.size())));
    auto value =
        colon < blank ? from_hex(std::string_view(text).substr(colon + 1, blank - colon - 1)) : std::nullopt;
    if (blank == std::string::npos || !alg || !value || value->size() != size_of(*alg)) {
        return "must be files such as \"sha256:<hexadecimal> /usr/bin/true\"";
    }
    reference.files[text.substr(blank + 1)].insert(std::move(*value));
    return std::nullopt;
}

Complaint take_pcr(const toml::key &key, const toml::node &node, std::map<unsigned, std::set<Bytes>> &place) {
    unsigned pcr = 0;
    const std::string_view name = key.str();
    const auto [end, error] = std::from_chars(name.begin(), name.end(), pcr);
    if (error != std::errc{} || end != name.end() || pcr >= pcr_count) {
        return std::format("is not the number of a PCR, 0 to {}", pcr_count - 1);
    }
    auto &digests = place[pcr]; // Also without a value: then none is allowed.
    return each(node, [&](const std::string &text) { return take_digest(text, digests); });
}

Complaint take(std::string_view section, const toml::key &key, const toml::node &node, Reference &reference) {
    const std::string_view name = key.str();
    if (section == "pcrs") {
        return take_pcr(key, node, reference.pcrs);
    }
    if (section == "events") {
        return take_pcr(key, node, reference.events);
    }
    if (section == "tpm" && name == "ak_names") {
        return some(node, [&](const auto &text) { return take_name(text, reference.ak_names); });
    }
    if (section == "tpm" && name == "ek_names") {
        return some(node, [&](const auto &text) { return take_name(text, reference.ek_names); });
    }
    if (section == "tpm" && name == "firmware_versions") {
        return some(node, [&](const auto &text) { return take_version(text, reference.firmware_versions); });
    }
    if (section == "ima" && name == "files") {
        reference.has_files = true;
        return each(node, [&](const auto &text) { return take_file(text, reference); });
    }
    if (section == "ima" && name == "violations") {
        const auto flag = node.value_exact<bool>();
        reference.violations = flag.value_or(false);
        return flag ? Complaint{} : "must be true or false";
    }
    return "is not a key that is known here; docs/verify.md lists them";
}

std::unexpected<Error> invalid(std::string what, const toml::source_region &where) {
    return fail(Code::reference_invalid, std::format("line {}: {}", where.begin.line, what));
}

} // namespace

Result<Reference> parse_reference(std::string_view text) {
    if (text.size() > max_reference_bytes) {
        return fail(Code::reference_invalid,
                    std::format("the reference values have more than {} bytes", max_reference_bytes));
    }
    const auto parsed = toml::parse(text);
    if (!parsed) {
        return invalid(std::string(parsed.error().description()), parsed.error().source());
    }
    Reference reference;
    for (const auto &[section, node] : parsed.table()) {
        const auto *const table = node.as_table();
        if (table == nullptr) {
            return invalid(std::format("{} must be a section", section.str()), node.source());
        }
        for (const auto &[key, value] : *table) {
            if (auto complaint = take(section.str(), key, value, reference)) {
                return invalid(std::format("[{}] {} {}", section.str(), key.str(), *complaint), key.source());
            }
        }
    }
    return reference;
}

} // namespace dsmil::attest
