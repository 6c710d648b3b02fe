// SPDX-License-Identifier: Apache-2.0
// Which rules a stream of records satisfies. Pure: no clock, no I/O; the same records give
// the same decisions, so that a daemon that died between a record and its response finds
// out what is still to be done by reading them again.
#pragma once

#include "ledger/record.hpp"
#include "response/rules.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

namespace dsmil::response {

inline constexpr std::uint32_t max_at_least = 100; // what a rule may count to

// The daemon's record of a response, and that an admin cleared a device.
inline constexpr std::string_view action_intrusion = "intrusion";
inline constexpr std::string_view action_cleared = "intrusion_cleared";
inline constexpr std::string_view source_daemon = "dsmild";

struct Decision {
    std::size_t rule = 0; // its place in the rules
    std::uint16_t device = 0;
    std::uint64_t record = 0; // the one that satisfied it
    std::uint32_t count = 0;  // of those that led to it
    bool operator==(const Decision &) const = default;
};

class Decider {
  public:
    explicit Decider(Rules rules) : rules_(std::move(rules)) {}

    // The next record of the ledger. One that says that a rule acted already (after a
    // restart) takes that rule's decision back out of `open`, the decisions not yet acted on.
    void note(const ledger::Record &record, std::vector<Decision> &open);

    [[nodiscard]] const Rules &rules() const { return rules_; }

  private:
    struct Seen {
        std::deque<std::uint64_t> times_ns; // CLOCK_BOOTTIME; at most the rule's at_least
        std::uint64_t acted_ns = 0;
        bool acted = false;
    };
    using Place = std::pair<std::size_t, std::uint16_t>; // rule, device

    void count(const ledger::Record &record, std::size_t rule, std::uint16_t device,
               std::vector<Decision> &open);
    void note_own(const ledger::Record &record, std::vector<Decision> &open);

    Rules rules_;
    Id128 boot_id_{}; // counts are of one boot
    std::map<Place, Seen> seen_;
};

// What a record shows, and of which device and register; several for a part of a batch.
struct Symptom {
    Condition condition;
    std::uint16_t device = 0; // 0: of the machine
    std::optional<std::uint8_t> reg;
    bool operator==(const Symptom &) const = default;
};
[[nodiscard]] std::vector<Symptom> symptoms_of(const ledger::Record &record);

} // namespace dsmil::response
