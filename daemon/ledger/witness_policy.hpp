// SPDX-License-Identifier: Apache-2.0
// How many witnesses, and whose, a checkpoint needs: C2SP tlog-policy.
#pragma once

#include "dsmil/error.hpp"
#include "ledger/note.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::ledger {

inline constexpr std::size_t max_policy_bytes = 1'048'576;
inline constexpr std::size_t max_policy_names = 256; // witnesses and groups together

class WitnessPolicy {
  public:
    // usage, with the number of the line.
    [[nodiscard]] static Result<WitnessPolicy> parse(std::string_view text);

    // Those of the file, which a verifier may have from elsewhere; perhaps none.
    [[nodiscard]] const std::vector<VerifierKey> &logs() const { return logs_; }

    struct Quorum {
        bool reached = false;
        bool needs_witnesses = false; // false: the policy is "quorum none"
        std::uint64_t since = 0;      // as of when, seconds of POSIX time: the quorum's oldest cosignature
        std::vector<std::string> witnesses; // whose cosignatures hold, by the policy's names
    };
    // signature_refused when a known witness's signature does not hold.
    [[nodiscard]] Result<Quorum> judge(const Note &note) const;

  private:
    // A witness, or a group of those before it.
    struct Node {
        std::string name;
        std::size_t witness = 0;          // of witnesses_, when there are no members
        std::size_t needed = 0;           // of the members
        std::vector<std::size_t> members; // of nodes_
    };
    class Parser;
    [[nodiscard]] bool reached(const std::vector<bool> &signed_by) const;

    std::vector<VerifierKey> logs_;
    std::vector<NoteVerifier> witnesses_;
    std::vector<Node> nodes_;
    static constexpr std::size_t none = ~std::size_t{0};
    std::size_t quorum_ = none; // of nodes_
};

} // namespace dsmil::ledger
