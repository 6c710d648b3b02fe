// SPDX-License-Identifier: Apache-2.0
// Files of [[tables]] that say what shall be done, read by lists of their keys. Every error
// is config_invalid and names the file, the line and the key.
#pragma once

#include "config/toml.hpp"
#include "dsmil/error.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <format>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::toml_table {

inline constexpr std::size_t max_items = 128; // of an array: more than there are devices

using Complaint = std::optional<std::string>; // what is wrong, or nothing

// A key of a table: `set` takes its value into a T; what else it must know is in the Place.
template <typename T, typename Place>
struct Key {
    std::string_view name;
    bool needed;
    Complaint (*set)(const toml::node &, T &, Place);
};

[[nodiscard]] inline Complaint take_text(const toml::node &node, std::string &place, std::size_t limit) {
    const auto text = node.value_exact<std::string>();
    const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
    if (!text || text->empty() || text->size() > limit || std::ranges::any_of(*text, is_control)) {
        return std::format("must be a string of 1 to {} printable characters", limit);
    }
    place = *text;
    return std::nullopt;
}

// Of each string of an array, by `take`, which says of a string what is wrong with it.
template <typename Take>
[[nodiscard]] Complaint take_list(const toml::node &node, Take take) {
    const auto *array = node.as_array();
    if (array == nullptr || array->empty() || array->size() > max_items) {
        return std::format("must be an array of 1 to {} strings", max_items);
    }
    for (const auto &item : *array) {
        const auto text = item.value_exact<std::string>();
        if (!text) {
            return std::format("must be an array of 1 to {} strings", max_items);
        }
        if (auto complaint = take(*text)) {
            return complaint;
        }
    }
    return std::nullopt;
}

[[nodiscard]] inline Complaint take_number(const toml::node &node, std::uint32_t &place, std::int64_t low,
                                           std::int64_t high) {
    const auto number = node.value_exact<std::int64_t>();
    if (!number || *number < low || *number > high) {
        return std::format("must be a whole number from {} to {}", low, high);
    }
    place = static_cast<std::uint32_t>(*number);
    return std::nullopt;
}

[[nodiscard]] inline std::unexpected<Error> invalid(const std::string &file, const toml::source_region &where,
                                                    std::string_view what) {
    return fail(Code::config_invalid, std::format("{}:{}: {}", file, where.begin.line, what));
}

template <typename T, typename Place, std::size_t N>
[[nodiscard]] Result<T> take_table(const std::string &file, std::string_view section, const toml::node &node,
                                   const std::array<Key<T, Place>, N> &keys, Place place) {
    const auto *table = node.as_table();
    if (table == nullptr) {
        return invalid(file, node.source(), std::format("{} must be tables, [[{}]]", section, section));
    }
    T made;
    for (const auto &[key, value] : *table) {
        const auto known = std::ranges::find(keys, key.str(), &Key<T, Place>::name);
        if (known == keys.end()) {
            return invalid(file, key.source(), std::format("[[{}]] has no key {}", section, key.str()));
        }
        if (const auto complaint = known->set(value, made, place)) {
            return invalid(file, key.source(), std::format("{} {}", key.str(), *complaint));
        }
    }
    for (const auto &key : keys) {
        if (key.needed && !table->contains(key.name)) {
            return invalid(file, node.source(), std::format("this [[{}]] has no {}", section, key.name));
        }
    }
    return made;
}

// All tables of a section, in order; `check` says of each what is wrong with the whole of it.
template <typename T, typename Place, std::size_t N, typename Check>
[[nodiscard]] Result<void> take_tables(const std::string &file, const toml::table &root,
                                       std::string_view section, const std::array<Key<T, Place>, N> &keys,
                                       std::size_t limit, Place place, std::vector<T> &into, Check check) {
    const auto *node = root.get(section);
    if (node == nullptr) {
        return {};
    }
    const auto *array = node->as_array();
    if (array == nullptr || array->size() > limit) {
        return invalid(file, node->source(),
                       std::format("{} must be at most {} tables, [[{}]]", section, limit, section));
    }
    for (const auto &item : *array) {
        auto made = take_table(file, section, item, keys, place);
        if (!made) {
            return std::unexpected(std::move(made.error()));
        }
        if (const auto complaint = check(place, *made)) {
            return invalid(file, item.source(), *complaint);
        }
        into.push_back(std::move(*made));
    }
    return {};
}

} // namespace dsmil::toml_table
