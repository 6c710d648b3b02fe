// SPDX-License-Identifier: Apache-2.0
#include "verifierd/rules.hpp"

#include "attest/quote.hpp"
#include "base/file.hpp"
#include "config/values.hpp"
#include "verifierd/machine.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace dsmil::verifierd {
namespace {

using config::Complaint;
using config::invalid;

constexpr std::size_t max_host_bytes = 253; // RFC 1035
constexpr unsigned ima_pcr = 10;

Complaint take_patterns(const toml::node &node, std::vector<std::string> &place) {
    if (auto complaint = config::take_names(node, place, max_patterns)) {
        return complaint;
    }
    for (const auto &pattern : place) {
        std::string name = pattern;
        std::ranges::replace(name, '*', 'x');
        if (!is_machine_name(name)) {
            return "must be names of machines, in which * stands for anything";
        }
    }
    return place.empty() ? Complaint("must name a machine") : std::nullopt;
}

Complaint take_pcrs(const toml::node &node, std::uint32_t &place) {
    const auto *array = node.as_array();
    std::uint32_t pcrs = 0;
    auto bad =
        std::format("must be an array of distinct numbers from 0 to {}, at least one", attest::pcr_count - 1);
    if (array == nullptr || array->empty()) {
        return bad;
    }
    for (const auto &item : *array) {
        const auto number = item.value_exact<std::int64_t>();
        if (!number || *number < 0 || *number >= std::int64_t{attest::pcr_count} ||
            (pcrs >> static_cast<unsigned>(*number) & 1U) != 0) {
            return bad;
        }
        pcrs |= 1U << static_cast<unsigned>(*number);
    }
    place = pcrs;
    return std::nullopt;
}

// What a [[rules]] or [[pull]] names, before it is looked at as a whole.
struct Draft {
    Rule rule;
    bool has_pcrs = false;
    std::string machine;
    std::string address;
};

struct Member {
    std::string_view name;
    Complaint (*set)(const toml::node &, Draft &);
};

constexpr std::array<Member, 6> rule_members = {{
    {"name", [](const toml::node &n, Draft &d) { return config::take_text(n, d.rule.name, false); }},
    {"machines", [](const toml::node &n, Draft &d) { return take_patterns(n, d.rule.machines); }},
    {"pcrs",
     [](const toml::node &n, Draft &d) {
         d.has_pcrs = true;
         return take_pcrs(n, d.rule.pcrs);
     }},
    {"event_log", [](const toml::node &n, Draft &d) { return config::take_flag(n, d.rule.event_log); }},
    {"ima", [](const toml::node &n, Draft &d) { return config::take_flag(n, d.rule.ima); }},
    {"reference", [](const toml::node &n, Draft &d) { return config::take_path(n, d.rule.reference_path); }},
}};

constexpr std::array<Member, 2> pull_members = {{
    {"machine", [](const toml::node &n, Draft &d) { return config::take_text(n, d.machine, false); }},
    {"address", [](const toml::node &n, Draft &d) { return config::take_text(n, d.address, false); }},
}};

class Parser {
  public:
    Parser(const std::string &name, const ReadReference &read) : name_(name), read_(read) {}

    Result<Fleet> parse(std::string_view text) {
        const toml::parse_result parsed = toml::parse(text, name_);
        if (!parsed) {
            return invalid(name_, parsed.error().source(), parsed.error().description());
        }
        for (const auto &[key, node] : parsed.table()) {
            const bool rules = key.str() == "rules";
            if (!rules && key.str() != "pull") {
                return invalid(name_, key.source(), std::format("there is no key {}", key.str()));
            }
            const auto *array = node.as_array();
            if (array == nullptr || array->size() > (rules ? max_rules : max_machines)) {
                return invalid(name_, key.source(),
                               std::format("{0} must be sections [[{0}]], at most {1}", key.str(),
                                           rules ? max_rules : max_machines));
            }
            for (const auto &item : *array) {
                if (auto taken = take(rules, item, key.source()); !taken) {
                    return std::unexpected(std::move(taken.error()));
                }
            }
        }
        return std::move(fleet_);
    }

  private:
    Result<void> take(bool rules, const toml::node &item, const toml::source_region &array) {
        const auto *table = item.as_table();
        if (table == nullptr) {
            return invalid(name_, array, "it must be a section");
        }
        const auto members =
            rules ? std::span<const Member>(rule_members) : std::span<const Member>(pull_members);
        Draft draft;
        for (const auto &[key, value] : *table) {
            const auto member = std::ranges::find(members, key.str(), &Member::name);
            if (member == members.end()) {
                return invalid(name_, key.source(), std::format("there is no key {}", key.str()));
            }
            if (const auto complaint = member->set(value, draft)) {
                return invalid(name_, key.source(), std::format("{} {}", key.str(), *complaint));
            }
        }
        return rules ? add_rule(std::move(draft), item.source()) : add_pull(draft, item.source());
    }

    Result<void> add_rule(Draft draft, const toml::source_region &where) {
        Rule &rule = draft.rule;
        if (rule.name.empty() || rule.machines.empty()) {
            return invalid(name_, where, "a rule needs name and machines");
        }
        if (std::ranges::contains(fleet_.rules, rule.name, &Rule::name)) {
            return invalid(name_, where, std::format("there are two rules with the name {}", rule.name));
        }
        if (rule.ima && draft.has_pcrs && (rule.pcrs >> ima_pcr & 1U) == 0) {
            return invalid(name_, where, "with ima, PCR 10 must be among pcrs");
        }
        rule.pcrs |= rule.ima ? 1U << ima_pcr : 0;
        if (!rule.reference_path.empty()) {
            auto text = read_(rule.reference_path);
            auto reference = text ? attest::parse_reference(*text)
                                  : Result<attest::Reference>(std::unexpected(text.error()));
            if (!reference) {
                Error error = std::move(reference.error());
                error.code = Code::config_invalid;
                return std::unexpected(
                    std::move(error).in(std::format("the reference values {}", rule.reference_path)));
            }
            rule.reference = std::move(*reference);
        }
        fleet_.rules.push_back(std::move(rule));
        return {};
    }

    Result<void> add_pull(const Draft &draft, const toml::source_region &where) {
        const auto address = parse_address(draft.address);
        if (!is_machine_name(draft.machine) || !address) {
            return invalid(name_, where, "pull needs machine, a name, and address, \"host:port\"");
        }
        if (!fleet_.pull.emplace(draft.machine, *address).second) {
            return invalid(name_, where, std::format("{} is there twice", draft.machine));
        }
        return {};
    }

    const std::string &name_;
    const ReadReference &read_;
    Fleet fleet_;
};

} // namespace

const Rule *Fleet::rule_of(std::string_view machine) const {
    for (const auto &rule : rules) {
        if (std::ranges::any_of(rule.machines,
                                [&](const std::string &pattern) { return matches(pattern, machine); })) {
            return &rule;
        }
    }
    return nullptr;
}

bool matches(std::string_view pattern, std::string_view name) {
    // The last '*' that was passed takes one letter more when the rest does not fit.
    std::size_t at = 0;
    std::size_t star = std::string_view::npos;
    std::size_t taken = 0;
    std::size_t i = 0;
    while (i < name.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            star = at++;
            taken = i;
        } else if (at < pattern.size() && pattern[at] == name[i]) {
            at++;
            i++;
        } else if (star != std::string_view::npos) {
            at = star + 1;
            i = ++taken;
        } else {
            return false;
        }
    }
    while (at < pattern.size() && pattern[at] == '*') {
        at++;
    }
    return at == pattern.size();
}

std::optional<Address> parse_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    const bool brackets = host.starts_with('[') && host.ends_with(']');
    if (brackets) {
        host = host.substr(1, host.size() - 2);
    }
    Address address{.host = std::string(host), .port = 0};
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    const bool is_host = std::ranges::all_of(host, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-' || (brackets && c == ':');
    });
    if (host.empty() || host.size() > max_host_bytes || !is_host || error != std::errc{} ||
        end != port.data() + port.size() || address.port == 0) {
        return std::nullopt;
    }
    return address;
}

Result<Fleet> parse_fleet(std::string_view text, const std::string &name, const ReadReference &read) {
    return Parser(name, read).parse(text);
}

Result<Fleet> read_fleet(const std::string &path) {
    const auto text = read_file(path, max_fleet_bytes);
    if (!text) {
        Error error = text.error();
        error.code = Code::config_invalid;
        return std::unexpected(std::move(error).in("reading the machines"));
    }
    return parse_fleet(*text, path, [](const std::string &reference) {
        return read_file(reference, attest::max_reference_bytes);
    });
}

} // namespace dsmil::verifierd
