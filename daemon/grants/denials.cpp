// SPDX-License-Identifier: Apache-2.0
#include "grants/denials.hpp"

#include <algorithm>
#include <iterator>

namespace dsmil::grants {

// The user's own place; the common one of the others when all are taken.
Denials::User &Denials::user(std::optional<std::uint32_t> uid, std::uint64_t now) {
    auto found = std::ranges::find(users_, uid, &User::uid);
    if (found == users_.end()) {
        // Whose window is over and who has nothing counted makes room.
        std::erase_if(users_, [&](const User &each) { return is_over(each, now) && each.held.count == 0; });
        if (uid && users_.size() >= max_users) {
            return user(std::nullopt, now);
        }
        users_.push_back({.uid = uid, .since_ns = now, .records = 0, .held = {}});
        found = std::prev(users_.end());
    }
    return *found;
}

Denials::Verdict Denials::note(std::uint32_t uid, std::uint64_t now) {
    User &whose = user(uid, now);
    if (is_over(whose, now) && whose.held.count == 0) {
        whose.since_ns = now;
        whose.records = 0;
    }
    if (whose.records < max_records) {
        whose.records++;
        return whose.records == max_records ? Verdict::record_last : Verdict::record;
    }
    if (whose.held.count == 0) {
        whose.held = {.uid = whose.uid, .count = 0, .first_ns = now, .last_ns = now};
    }
    whose.held.count++;
    whose.held.last_ns = now;
    return Verdict::count;
}

std::vector<Denials::Held> Denials::take(std::uint64_t now) {
    std::vector<Held> taken;
    for (auto &each : users_) {
        if (each.held.count != 0 && is_over(each, now)) {
            taken.push_back(each.held);
            each.held = {};
        }
    }
    return taken;
}

std::vector<Denials::Held> Denials::take_all() {
    std::vector<Held> taken;
    for (auto &each : users_) {
        if (each.held.count != 0) {
            taken.push_back(each.held);
            each.held = {};
        }
    }
    return taken;
}

void Denials::give_back(const Held &held) {
    User &whose = user(held.uid, held.last_ns);
    if (whose.held.count == 0) {
        whose.held = held;
        whose.held.uid = whose.uid;
    } else {
        whose.held.count += held.count;
        whose.held.first_ns = std::min(whose.held.first_ns, held.first_ns);
    }
}

std::optional<std::uint64_t> Denials::due() const {
    std::optional<std::uint64_t> next;
    for (const auto &each : users_) {
        if (each.held.count != 0) {
            next = std::min(next.value_or(each.since_ns + window_ns), each.since_ns + window_ns);
        }
    }
    return next;
}

} // namespace dsmil::grants
