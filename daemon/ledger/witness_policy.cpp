// SPDX-License-Identifier: Apache-2.0
#include "ledger/witness_policy.hpp"

#include <algorithm>
#include <charconv>
#include <format>
#include <functional>
#include <optional>
#include <span>

namespace dsmil::ledger {
namespace {

// Of the octets that are allowed, those between the items of a line.
constexpr std::string_view blanks = " \t";

std::vector<std::string_view> split(std::string_view line) {
    std::vector<std::string_view> items;
    for (;;) {
        line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
        if (line.empty()) {
            return items;
        }
        items.push_back(line.substr(0, line.find_first_of(blanks)));
        line.remove_prefix(items.back().size());
    }
}

} // namespace

class WitnessPolicy::Parser {
  public:
    Result<WitnessPolicy> run(std::string_view text) {
        if (text.size() > max_policy_bytes) {
            return fail(Code::usage, "not a witness policy: it is too large");
        }
        const auto control = [](char c) {
            const auto octet = static_cast<unsigned char>(c);
            return (octet < ' ' && c != '\n' && c != '\t') || octet == 0x7F;
        };
        if (std::ranges::any_of(text, control) || (!text.empty() && !text.ends_with('\n'))) {
            return fail(Code::usage, "not a witness policy: it is no text of whole lines");
        }
        for (std::size_t number = 1; !text.empty(); number++) {
            const auto line = text.substr(0, text.find('\n'));
            text.remove_prefix(line.size() + 1);
            const auto items = split(line);
            if (items.empty() || items.front().starts_with('#')) {
                continue;
            }
            if (auto taken = take(items); !taken) {
                return fail(Code::usage,
                            std::format("not a witness policy: line {}: {}", number, taken.error().detail));
            }
        }
        if (!has_quorum_) {
            return fail(Code::usage, "not a witness policy: it has no quorum");
        }
        return std::move(policy_);
    }

  private:
    using Items = std::span<const std::string_view>;

    static std::unexpected<Error> bad(std::string why) { return fail(Code::usage, std::move(why)); }

    Result<void> take(Items items) {
        const auto word = items.front();
        if (word == "log" && (items.size() == 2 || items.size() == 3)) {
            return take_log(items[1]);
        }
        if (word == "witness" && (items.size() == 3 || items.size() == 4)) {
            return take_witness(items[1], items[2]);
        }
        if (word == "group" && items.size() >= 4) {
            return take_group(items[1], items[2], items.subspan(3));
        }
        if (word == "quorum" && items.size() == 2) {
            return take_quorum(items[1]);
        }
        return bad("it is no log, witness, group or quorum");
    }

    Result<void> take_log(std::string_view text) {
        auto key = VerifierKey::parse(text);
        if (!key) {
            return std::unexpected(std::move(key.error()));
        }
        if (policy_.logs_.size() == max_policy_names) {
            return bad("there are too many logs");
        }
        if (std::ranges::any_of(policy_.logs_, [&](const auto &other) { return other.key == key->key; })) {
            return bad("the key is there twice");
        }
        policy_.logs_.push_back(std::move(*key));
        return {};
    }

    Result<void> take_witness(std::string_view name, std::string_view text) {
        auto key = VerifierKey::parse(text);
        if (!key) {
            return std::unexpected(std::move(key.error()));
        }
        if (!is_cosignature(key->type)) {
            return bad("a witness's key has a type of cosignatures, 0x04 or 0x06");
        }
        if (std::ranges::any_of(policy_.witnesses_,
                                [&](const auto &other) { return other.key().key == key->key; })) {
            return bad("the key is there twice");
        }
        policy_.witnesses_.emplace_back(std::move(*key));
        return add({std::string(name), policy_.witnesses_.size() - 1, 0, {}});
    }

    Result<void> take_group(std::string_view name, std::string_view needed, Items names) {
        Node group{std::string(name), 0, 0, {}};
        for (const auto member : names) {
            const auto found = find(member);
            if (!found) {
                return bad(std::format("{} is not defined before", member));
            }
            if (grouped_.at(*found)) {
                return bad(std::format("{} is in a group already", member));
            }
            grouped_.at(*found) = true;
            group.members.push_back(*found);
        }
        if (needed == "all" || needed == "any") {
            group.needed = needed == "any" ? 1 : group.members.size();
        } else {
            const auto [end, error] =
                std::from_chars(needed.data(), needed.data() + needed.size(), group.needed);
            if (error != std::errc{} || end != needed.data() + needed.size() || group.needed == 0 ||
                group.needed > group.members.size()) {
                return bad("a group needs all, any, or as many of its members as there are or fewer");
            }
        }
        return add(std::move(group));
    }

    Result<void> take_quorum(std::string_view name) {
        if (has_quorum_) {
            return bad("there is a second quorum");
        }
        has_quorum_ = true;
        const auto found = find(name);
        if (name != "none" && !found) {
            return bad(std::format("{} is not defined before", name));
        }
        policy_.quorum_ = found.value_or(none);
        return {};
    }

    Result<void> add(Node node) {
        if (node.name == "none" || find(node.name)) {
            return bad(std::format("the name {} is taken", node.name));
        }
        if (policy_.nodes_.size() == max_policy_names) {
            return bad("there are too many names");
        }
        policy_.nodes_.push_back(std::move(node));
        grouped_.push_back(false);
        return {};
    }

    [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const {
        const auto at = std::ranges::find(policy_.nodes_, name, &Node::name);
        return at == policy_.nodes_.end()
                   ? std::nullopt
                   : std::optional(static_cast<std::size_t>(at - policy_.nodes_.begin()));
    }

    WitnessPolicy policy_;
    std::vector<bool> grouped_; // each of nodes_ may be a member once
    bool has_quorum_ = false;
};

Result<WitnessPolicy> WitnessPolicy::parse(std::string_view text) {
    return Parser().run(text);
}

bool WitnessPolicy::reached(const std::vector<bool> &signed_by) const {
    // Members stand before their group.
    std::vector<bool> holds;
    for (const auto &node : nodes_) {
        const auto count = std::ranges::count_if(node.members, [&](std::size_t at) { return holds[at]; });
        holds.push_back(node.members.empty() ? signed_by[node.witness]
                                             : static_cast<std::size_t>(count) >= node.needed);
    }
    return quorum_ == none || holds[quorum_];
}

Result<WitnessPolicy::Quorum> WitnessPolicy::judge(const Note &note) const {
    Quorum quorum;
    quorum.needs_witnesses = quorum_ != none;
    std::vector<std::optional<std::uint64_t>> times;
    std::vector<std::uint64_t> known;
    for (const auto &witness : witnesses_) {
        const auto check = witness.check(note);
        if (check.verdict == NoteVerdict::wrong) {
            return fail(Code::signature_refused, std::format("the cosignature of {}", witness.key().name));
        }
        times.emplace_back();
        if (check.verdict == NoteVerdict::signed_by_key) {
            times.back() = check.timestamp;
            known.push_back(check.timestamp);
        }
    }
    for (const auto &node : nodes_) {
        if (node.members.empty() && times[node.witness]) {
            quorum.witnesses.push_back(node.name);
        }
    }
    // The newest time from which on enough of them signed.
    std::ranges::sort(known, std::greater{});
    known.push_back(0);
    for (const auto since : known) {
        std::vector<bool> signed_by;
        signed_by.reserve(times.size());
        for (const auto &time : times) {
            signed_by.push_back(time && *time >= since);
        }
        if (reached(signed_by)) {
            quorum.reached = true;
            quorum.since = quorum.needs_witnesses ? since : 0;
            break;
        }
    }
    return quorum;
}

} // namespace dsmil::ledger
