// SPDX-License-Identifier: Apache-2.0
// Which machines there may be and what each must show: fleet.toml (docs/verifierd.md).
#pragma once

#include "attest/reference.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::verifierd {

inline constexpr std::size_t max_rules = 256;
inline constexpr std::size_t max_patterns = 1'024; // of a rule
inline constexpr std::size_t max_fleet_bytes = 4UZ << 20U;

struct Rule {
    std::string name;
    std::vector<std::string> machines; // names, in which '*' stands for anything
    std::uint32_t pcrs = 0xFF;         // a bit each; to be quoted
    bool event_log = false;            // must be shown
    bool ima = false;                  // must be shown; PCR 10 is among `pcrs`
    std::string reference_path;        // empty: nothing is compared
    attest::Reference reference;
};

struct Address {
    std::string host;
    std::uint16_t port = 0;
    friend bool operator==(const Address &, const Address &) = default;
};

struct Fleet {
    std::vector<Rule> rules;
    std::map<std::string, Address, std::less<>> pull; // which machines are asked, and where

    // The first rule that names the machine; none: it is refused.
    [[nodiscard]] const Rule *rule_of(std::string_view machine) const;
};

// `read` gives the text of a file of reference values. config_invalid with file and line.
using ReadReference = std::function<Result<std::string>(const std::string &path)>;
[[nodiscard]] Result<Fleet> parse_fleet(std::string_view text, const std::string &name,
                                        const ReadReference &read);
[[nodiscard]] Result<Fleet> read_fleet(const std::string &path);

// "host:port", "[2001:db8::1]:port"; nothing for what is not.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);
[[nodiscard]] bool matches(std::string_view pattern, std::string_view name);

} // namespace dsmil::verifierd
