// SPDX-License-Identifier: Apache-2.0
#include "config/values.hpp"

#include "base/file.hpp"

#include <algorithm>

namespace dsmil::config {
namespace {

constexpr std::size_t max_file_bytes = 1 << 20;

Result<void> take_key(const std::string &name, std::string_view section, const toml::key &key,
                      const toml::node &node, const std::vector<Key> &keys) {
    const std::string full = std::format("{}.{}", section, key.str());
    const auto known = std::ranges::find_if(keys, [&](const Key &candidate) {
        return candidate.section == section && candidate.name == key.str();
    });
    if (known == keys.end()) {
        return invalid(name, key.source(), std::format("there is no key {}", full));
    }
    if (const auto complaint = known->set(node)) {
        return invalid(name, key.source(), std::format("{} {}", full, *complaint));
    }
    return {};
}

Result<void> take_section(const std::string &name, const toml::key &section, const toml::node &node,
                          const std::vector<Key> &keys) {
    const auto *table = node.as_table();
    if (std::ranges::find(keys, section.str(), &Key::section) == keys.end()) {
        return invalid(name, section.source(),
                       std::format("there is no {} {}", table != nullptr ? "section" : "key", section.str()));
    }
    if (table == nullptr) {
        return invalid(name, section.source(), std::format("{} must be a section", section.str()));
    }
    for (const auto &[key, value] : *table) {
        if (auto taken = take_key(name, section.str(), key, value, keys); !taken) {
            return taken;
        }
    }
    return {};
}

} // namespace

Complaint take_text(const toml::node &node, std::string &place, bool may_be_empty) {
    const auto text = node.value_exact<std::string>();
    if (!text) {
        return "must be a string";
    }
    if (text->empty() && !may_be_empty) {
        return "must not be empty";
    }
    if (text->contains('\0')) {
        return "must not contain a NUL";
    }
    place = *text;
    return std::nullopt;
}

Complaint take_path(const toml::node &node, std::string &place, std::size_t limit) {
    std::string path;
    if (auto complaint = take_text(node, path, false)) {
        return complaint;
    }
    if (!path.starts_with('/')) {
        return "must be an absolute path";
    }
    if (path.size() > limit) {
        return std::format("must have at most {} bytes", limit);
    }
    place = std::move(path);
    return std::nullopt;
}

Complaint take_path_or_nothing(const toml::node &node, std::string &place) {
    if (node.value_exact<std::string>() == std::string()) {
        place.clear();
        return std::nullopt;
    }
    return take_path(node, place);
}

Complaint take_flag(const toml::node &node, bool &place) {
    const auto flag = node.value_exact<bool>();
    if (!flag) {
        return "must be true or false";
    }
    place = *flag;
    return std::nullopt;
}

Complaint take_names(const toml::node &node, std::vector<std::string> &place, std::size_t limit) {
    const auto *array = node.as_array();
    if (array == nullptr || array->size() > limit) {
        return std::format("must be an array of at most {} strings", limit);
    }
    std::vector<std::string> names;
    for (const auto &item : *array) {
        std::string name;
        if (auto complaint = take_text(item, name, false)) {
            return "must be an array of strings that are not empty";
        }
        names.push_back(std::move(name));
    }
    place = std::move(names);
    return std::nullopt;
}

Complaint take_whole_number(const toml::node &node, std::int64_t &place, std::int64_t low,
                            std::int64_t high) {
    const auto number = node.value_exact<std::int64_t>();
    if (!number) {
        return "must be a whole number";
    }
    if (*number < low || *number > high) {
        return std::format("must be from {} to {}", low, high);
    }
    place = *number;
    return std::nullopt;
}

Complaint take_word(const toml::node &node, std::size_t &place, std::span<const std::string_view> words) {
    const auto text = node.value_exact<std::string>();
    const auto found = std::ranges::find(words, text.value_or(""));
    if (found == words.end()) {
        std::string all;
        for (const auto word : words) {
            all += std::format("{}\"{}\"", all.empty() ? "" : ", ", word);
        }
        return "must be one of " + all;
    }
    place = static_cast<std::size_t>(found - words.begin());
    return std::nullopt;
}

std::unexpected<Error> invalid(const std::string &name, const toml::source_region &where,
                               std::string_view what) {
    return fail(Code::config_invalid, std::format("{}:{}: {}", name, where.begin.line, what));
}

Result<void> take_keys(std::string_view text, const std::string &name, const std::vector<Key> &keys) {
    const toml::parse_result parsed = toml::parse(text, name);
    if (!parsed) {
        return invalid(name, parsed.error().source(), parsed.error().description());
    }
    for (const auto &[section, node] : parsed.table()) {
        if (auto taken = take_section(name, section, node, keys); !taken) {
            return taken;
        }
    }
    return {};
}

Result<std::string> read_text(const std::string &path) {
    auto text = read_file(path, max_file_bytes);
    if (!text) {
        Error error = text.error();
        error.code = Code::config_invalid;
        return std::unexpected(std::move(error).in("reading the configuration"));
    }
    return text;
}

std::vector<std::string> names_of(const std::vector<Key> &keys) {
    std::vector<std::string> names;
    names.reserve(keys.size());
    for (const auto &key : keys) {
        names.push_back(std::format("{}.{}", key.section, key.name));
    }
    return names;
}

} // namespace dsmil::config
