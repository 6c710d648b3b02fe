// SPDX-License-Identifier: Apache-2.0
// Configuration files as tables of keys: what a key takes, and the errors for what
// it does not. For the .cpp files of configurations.
#pragma once

#include "config/toml.hpp"
#include "dsmil/error.hpp"

#include <array>
#include <cstdint>
#include <format>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::config {

// What is wrong with a value ("must be a string"), or nothing.
using Complaint = std::optional<std::string>;

inline constexpr std::size_t max_path = 4'095;
inline constexpr std::size_t max_names = 16;

// Of [log] in every configuration, in the order of LogTarget and LogLevel.
inline constexpr std::array<std::string_view, 3> log_targets = {"auto", "stderr", "journal"};
inline constexpr std::array<std::string_view, 4> log_levels = {"debug", "info", "warning", "error"};

[[nodiscard]] Complaint take_text(const toml::node &node, std::string &place, bool may_be_empty);
// Absolute, of at most `limit` bytes.
[[nodiscard]] Complaint take_path(const toml::node &node, std::string &place, std::size_t limit = max_path);
// The same, or nothing.
[[nodiscard]] Complaint take_path_or_nothing(const toml::node &node, std::string &place);
[[nodiscard]] Complaint take_flag(const toml::node &node, bool &place);
// Not empty each; at most `limit`.
[[nodiscard]] Complaint take_names(const toml::node &node, std::vector<std::string> &place,
                                   std::size_t limit = max_names);
[[nodiscard]] Complaint take_whole_number(const toml::node &node, std::int64_t &place, std::int64_t low,
                                          std::int64_t high);
// The index of a word.
[[nodiscard]] Complaint take_word(const toml::node &node, std::size_t &place,
                                  std::span<const std::string_view> words);

template <typename T>
Complaint take_number(const toml::node &node, T &place, std::int64_t low, std::int64_t high) {
    std::int64_t number = 0;
    auto complaint = take_whole_number(node, number, low, high);
    if (!complaint) {
        place = T(number);
    }
    return complaint;
}

// One of some words, as the enumerator of the same place.
template <typename T, std::size_t N>
Complaint take_choice(const toml::node &node, T &place, const std::array<std::string_view, N> &words) {
    std::size_t index = 0;
    auto complaint = take_word(node, index, words);
    if (!complaint) {
        place = static_cast<T>(index);
    }
    return complaint;
}

struct Key {
    std::string_view section;
    std::string_view name;
    std::function<Complaint(const toml::node &)> set;
};

// config_invalid: "NAME:LINE: WHAT".
[[nodiscard]] std::unexpected<Error> invalid(const std::string &name, const toml::source_region &where,
                                             std::string_view what);

// Sets what the text names. config_invalid with the line and the key for no TOML, a key or a
// section that there is not, a value that a key does not take.
[[nodiscard]] Result<void> take_keys(std::string_view text, const std::string &name,
                                     const std::vector<Key> &keys);

// A small file; config_invalid also when it cannot be read.
[[nodiscard]] Result<std::string> read_text(const std::string &path);

// "section.name" of each.
[[nodiscard]] std::vector<std::string> names_of(const std::vector<Key> &keys);

} // namespace dsmil::config
