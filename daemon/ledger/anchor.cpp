// SPDX-License-Identifier: Apache-2.0
#include "ledger/anchor.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <string>

namespace dsmil::ledger {
namespace {

constexpr std::array<std::string_view, anchor_reasons> names = {"interval", "critical", "closing", "adopted"};

// The counter before the last anchor; nothing when it was not written, or its chain begins there.
std::optional<std::uint64_t> count_before(const std::optional<Anchor> &previous, const Anchor &last) {
    return previous && last.reason != AnchorReason::adopted ? previous->count : std::nullopt;
}

AnchorFinding compare_pending(const std::optional<Anchor> &previous, const Anchor &last,
                              const AnchorMemory &memory) {
    const auto before = count_before(previous, last);
    const bool adopting = last.reason == AnchorReason::adopted;
    if (memory.value == last.after) {
        // An adopted chain may skip a count, so it is counted once more rather than not at all.
        if (memory.count == before || adopting) {
            return AnchorFinding::count;
        }
        if (!before || memory.count == *before + 1) {
            return AnchorFinding::finish;
        }
    } else if (memory.value.value_or(Hash{}) == last.before && (memory.count == before || adopting)) {
        return AnchorFinding::extend;
    }
    return before && memory.count && *memory.count > *before + 1 ? AnchorFinding::rolled_back
                                                                 : AnchorFinding::differs;
}

} // namespace

std::string_view name_of(AnchorReason reason) {
    return names.at(static_cast<std::size_t>(reason));
}

std::optional<AnchorReason> anchor_reason(std::string_view name) {
    const auto found = std::ranges::find(names, name);
    return found != names.end() ? std::optional(static_cast<AnchorReason>(found - names.begin()))
                                : std::nullopt;
}

Hash anchor_digest(std::uint64_t at_ns, AnchorReason reason, std::string_view checkpoint_text) {
    const std::string text = std::format("{} {}\n{}", at_ns, name_of(reason), checkpoint_text);
    return sha256(as_bytes(text));
}

Hash extended(const Hash &before, const Hash &digest) {
    std::array<std::uint8_t, 2 * std::tuple_size_v<Hash>> both{};
    std::ranges::copy(digest, std::ranges::copy(before, both.begin()).out);
    return sha256(both);
}

AnchorFinding compare(const std::optional<Anchor> &previous, const std::optional<Anchor> &last,
                      const AnchorMemory &memory) {
    if (!last) {
        return memory.value || memory.count ? AnchorFinding::rolled_back : AnchorFinding::fresh;
    }
    const bool first = !previous && !last->count; // then the indices may be new
    if (!memory.has_value || !memory.has_count || ((!memory.value || !memory.count) && !first)) {
        return AnchorFinding::lost;
    }
    if (!last->count) {
        return compare_pending(previous, *last, memory);
    }
    if (memory.value == last->after && memory.count == last->count) {
        return AnchorFinding::agrees;
    }
    return memory.count && *memory.count > *last->count ? AnchorFinding::rolled_back : AnchorFinding::differs;
}

} // namespace dsmil::ledger
