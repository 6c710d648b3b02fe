// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "ledger/proof.hpp"
#include "output.hpp"
#include "proof_text.hpp"
#include "text.hpp"

#include <format>
#include <limits>

namespace dsmilctl {

dsmil::Result<int> run_audit_check_inclusion(const Call &call, Output &out) {
    constexpr auto no_limit = std::numeric_limits<std::uint64_t>::max();
    const auto index = parse_number("--index", call.argument("--index"), no_limit);
    const auto size = index ? parse_number("--size", call.argument("--size"), no_limit) : index;
    if (!size) {
        return std::unexpected(size.error());
    }
    const auto leaf = parse_hash("--leaf-hash", call.argument("--leaf-hash"));
    const auto root = leaf ? parse_hash("--root", call.argument("--root")) : leaf;
    if (!root) {
        return std::unexpected(root.error());
    }
    const auto proof = read_proof(call);
    if (!proof) {
        return std::unexpected(proof.error());
    }
    if (auto held = dsmil::ledger::check_inclusion(*leaf, *index, *size, *root, *proof); !held) {
        return std::unexpected(std::move(held.error()));
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"holds", true},
                    {"index", *index},
                    {"size", *size},
                    {"leaf_hash", dsmil::to_hex(*leaf)},
                    {"root", dsmil::to_hex(*root)}});
    } else {
        out.line(std::format("holds: leaf {} is in the tree of {} with the root {}", *index, *size,
                             dsmil::to_hex(*root)));
    }
    return 0;
}

} // namespace dsmilctl
