// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "ledger/proof.hpp"
#include "output.hpp"
#include "proof_text.hpp"
#include "text.hpp"

#include <format>
#include <limits>

namespace dsmilctl {

dsmil::Result<int> run_audit_check_consistency(const Call &call, Output &out) {
    constexpr auto no_limit = std::numeric_limits<std::uint64_t>::max();
    const auto size1 = parse_number("--size1", call.argument("--size1"), no_limit);
    const auto size2 = size1 ? parse_number("--size2", call.argument("--size2"), no_limit) : size1;
    if (!size2) {
        return std::unexpected(size2.error());
    }
    const auto root1 = parse_hash("--root1", call.argument("--root1"));
    const auto root2 = root1 ? parse_hash("--root2", call.argument("--root2")) : root1;
    if (!root2) {
        return std::unexpected(root2.error());
    }
    const auto proof = read_proof(call);
    if (!proof) {
        return std::unexpected(proof.error());
    }
    if (auto held = dsmil::ledger::check_consistency(*size1, *root1, *size2, *root2, *proof); !held) {
        return std::unexpected(std::move(held.error()));
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"holds", true},
                    {"size1", *size1},
                    {"root1", dsmil::to_hex(*root1)},
                    {"size2", *size2},
                    {"root2", dsmil::to_hex(*root2)}});
    } else {
        out.line(std::format("holds: the tree of {} is the beginning of the tree of {}", *size1, *size2));
    }
    return 0;
}

} // namespace dsmilctl
