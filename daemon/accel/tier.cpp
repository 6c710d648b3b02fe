// SPDX-License-Identifier: Apache-2.0
#include "accel/tier.hpp"

#include <cstdlib>
#include <format>

namespace dsmil::accel {

std::string_view name_of(Tier tier) {
    switch (tier) {
    case Tier::reference:
        return "reference";
    case Tier::avx2:
        return "avx2";
    case Tier::avx512:
        return "avx512";
    }
    std::abort();
}

bool has_tier(const Features &features, Tier tier) {
    switch (tier) {
    case Tier::reference:
        return true;
    case Tier::avx2:
        return features.avx2;
    case Tier::avx512:
        return features.avx512;
    }
    std::abort();
}

Tier best_tier(const Features &features) {
    Tier best = Tier::reference;
    for (const Tier tier : all_tiers) {
        best = has_tier(features, tier) ? tier : best;
    }
    return best;
}

Result<Tier> choose_tier(const Features &features, std::string_view name) {
    if (name.empty() || name == "auto") {
        return best_tier(features);
    }
    for (const Tier tier : all_tiers) {
        if (name != name_of(tier)) {
            continue;
        }
        if (!has_tier(features, tier)) {
            return fail(Code::usage, std::format("the tier {} that {} asks for; the best here is {}", name,
                                                 tier_variable, name_of(best_tier(features))));
        }
        return tier;
    }
    return fail(Code::usage,
                std::format("{}: the tiers are auto, reference, avx2 and avx512", tier_variable));
}

const Features &features() {
    static const Features found = features_of(ask_cpu());
    return found;
}

const Result<Tier> &selected_tier() {
    static const Result<Tier> chosen = [] {
        const char *name = std::getenv(tier_variable); // once, before there are threads that set it
        return choose_tier(features(), name == nullptr ? "" : name);
    }();
    return chosen;
}

Tier tier_or_best() {
    const auto &chosen = selected_tier();
    return chosen ? *chosen : best_tier(features());
}

} // namespace dsmil::accel
