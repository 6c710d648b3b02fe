// SPDX-License-Identifier: Apache-2.0
// The guard's rule once more, from the words of the design and sharing no code
// with the guard, to compare it with.
#pragma once

#include <algorithm>
#include <cstdint>
#include <linux/dsmil.h>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace oracle {

using Token = std::uint16_t;
using Location = std::uint16_t;
using Board = std::vector<std::pair<Token, Location>>;

struct Verdict {
    bool allowed;
    unsigned reason;
    unsigned rule_token;
    unsigned rule_risk;
    bool operator==(const Verdict &) const = default;
};

// The catalogue as two dictionaries: a number as a register's token, and as a device's id.
struct Catalogue {
    std::map<Token, unsigned> risk_of_register;
    std::map<Token, unsigned> risk_of_id;

    Catalogue() {
#define DSMIL_DEVICE(number, id, token_base, group, group_name, name, risk, ...)                             \
    risk_of_id[id] = DSMIL_RISK_##risk;                                                                      \
    for (unsigned reg = 0; reg < 3; reg++)                                                                   \
        risk_of_register[static_cast<Token>((token_base) + reg)] = DSMIL_RISK_##risk;
#include "dsmil_catalog.def"
    }
};

inline const Catalogue &catalogue() {
    static const Catalogue instance;
    return instance;
}

// What stands against writing one token, regarded alone: the risk, and the name of the rule.
inline std::pair<unsigned, unsigned> obstacle(Token token) {
    const Catalogue &all = catalogue();
    const auto owned = all.risk_of_register.find(token);
    if (owned == all.risk_of_register.end())
        return {DSMIL_RISK_LOCKED, DSMIL_REASON_NOT_A_REGISTER};
    static const std::map<unsigned, unsigned> reasons = {{DSMIL_RISK_SAFE, DSMIL_REASON_ALLOWED},
                                                         {DSMIL_RISK_MONITORED, DSMIL_REASON_GRANT_REQUIRED},
                                                         {DSMIL_RISK_GUARDED, DSMIL_REASON_GRANT_REQUIRED},
                                                         {DSMIL_RISK_LOCKED, DSMIL_REASON_LOCKED},
                                                         {DSMIL_RISK_QUARANTINED, DSMIL_REASON_QUARANTINED}};
    const auto as_id = all.risk_of_id.find(token);
    if (as_id == all.risk_of_id.end() || as_id->second < DSMIL_RISK_GUARDED || as_id->second <= owned->second)
        return {owned->second, reasons.at(owned->second)};
    const bool final = as_id->second >= DSMIL_RISK_LOCKED;
    return {as_id->second, final ? DSMIL_REASON_QUARANTINED_AS_ID : DSMIL_REASON_GRANT_REQUIRED};
}

inline Verdict decide(Token token, bool is_write, bool has_rawio, const Board &board,
                      std::optional<Location> now) {
    auto [risk, reason] = obstacle(token);
    Token rule = token;
    if (reason == DSMIL_REASON_NOT_A_REGISTER)
        return {false, reason, rule, risk};

    // The first place that the board lists it at decides; a second one closes it.
    std::set<Location> listed;
    const auto first = std::ranges::find(board, token, &Board::value_type::first);
    for (const auto &[other, location] : board) {
        if (other == token)
            listed.insert(location);
        if (first != board.end() && location == first->second && obstacle(other).first > risk) {
            risk = obstacle(other).first;
            rule = other;
            reason = DSMIL_REASON_ALIAS;
        }
    }
    if (!is_write)
        return {true, DSMIL_REASON_ALLOWED, rule, risk};
    if (risk >= DSMIL_RISK_LOCKED)
        return {false, reason, rule, risk};
    if (!now || listed != std::set<Location>{*now})
        return {false, DSMIL_REASON_LOCATION_UNKNOWN, rule, risk};
    if (risk > DSMIL_RISK_SAFE)
        return {false, reason, rule, risk};
    if (!has_rawio)
        return {false, DSMIL_REASON_CAPABILITY_REQUIRED, rule, risk};
    return {true, DSMIL_REASON_ALLOWED, rule, risk};
}

} // namespace oracle
