// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/proof_file.hpp"
#include "ledger/record.hpp"
#include "ledger/signed_checkpoint.hpp"
#include "ledger/tree.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "proof_text.hpp"

#include <algorithm>
#include <format>
#include <span>

namespace dsmilctl {
namespace {

using dsmil::Bytes;
using dsmil::Code;
using dsmil::Result;

// What the proof is about: the hash, or the file, that the caller has, else the record in the proof.
Result<Bytes> leaf_of(const Call &call, const dsmil::ledger::InclusionFile &proof) {
    if (call.has("--leaf-hash") && call.has("--record")) {
        return dsmil::fail(Code::usage, "give one of --leaf-hash and --record");
    }
    if (const auto hash = call.option("--leaf-hash")) {
        return parse_hash("--leaf-hash", *hash);
    }
    if (const auto path = call.option("--record")) {
        return read_file(*path, dsmil::ledger::max_record_bytes).transform([](const std::string &record) {
            const auto hash = dsmil::ledger::leaf_hash(dsmil::as_bytes(record));
            return Bytes(hash.begin(), hash.end());
        });
    }
    if (!proof.extra) {
        return dsmil::fail(Code::usage, "the proof does not hold its record; give it, or its hash, with "
                                        "--record or --leaf-hash");
    }
    const auto hash = dsmil::ledger::leaf_hash(*proof.extra);
    return Bytes(hash.begin(), hash.end());
}

struct Proved {
    dsmil::ledger::Checkpoint checkpoint;
    std::uint64_t index = 0;
    Bytes leaf;
    std::optional<Bytes> record;
};

Result<Proved> check(const Call &call, std::string_view text,
                     std::span<const dsmil::ledger::NoteVerifier> keys) {
    auto proof = dsmil::ledger::InclusionFile::parse(text);
    if (!proof) {
        return std::unexpected(std::move(proof.error()));
    }
    auto head = dsmil::ledger::read_signed(proof->checkpoint, keys, "its checkpoint");
    if (!head) {
        return std::unexpected(std::move(head.error()));
    }
    auto &checkpoint = head->checkpoint;
    auto leaf = leaf_of(call, *proof);
    if (!leaf) {
        return std::unexpected(std::move(leaf.error()));
    }
    if (auto held = dsmil::ledger::check_inclusion(*leaf, proof->index, checkpoint.size, checkpoint.root,
                                                   proof->proof);
        !held) {
        return std::unexpected(std::move(held.error()));
    }
    // The extra data are the record when they hash to the leaf, and somebody's word otherwise.
    auto &extra = proof->extra;
    if (extra && !std::ranges::equal(dsmil::ledger::leaf_hash(*extra), *leaf)) {
        extra.reset();
    }
    return Proved{std::move(checkpoint), proof->index, std::move(*leaf), std::move(extra)};
}

} // namespace

Result<int> run_audit_check_proof(const Call &call, Output &out) {
    const auto keys = read_note_keys(call);
    if (!keys) {
        return std::unexpected(keys.error());
    }
    const auto &file = call.argument("FILE");
    const auto text = read_file(file, dsmil::ledger::max_proof_file_bytes);
    if (!text) {
        return std::unexpected(text.error());
    }
    const std::vector<dsmil::ledger::NoteVerifier> verifiers(keys->begin(), keys->end());
    const auto proved = check(call, *text, verifiers);
    if (!proved) {
        return std::unexpected(dsmil::Error(proved.error()).in(std::format("checking {}", file)));
    }
    const auto &checkpoint = proved->checkpoint;
    const auto &record = proved->record;
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"holds", true},
                    {"file", file},
                    {"origin", checkpoint.origin},
                    {"index", proved->index},
                    {"size", checkpoint.size},
                    {"root", dsmil::to_hex(checkpoint.root)},
                    {"leaf_hash", dsmil::to_hex(proved->leaf)},
                    {"record", record ? boost::json::value(dsmil::to_hex(*record)) : nullptr}});
    } else {
        out.line(printable(std::format("holds: record {} is one of the {} of {}", proved->index,
                                       checkpoint.size, checkpoint.origin)));
    }
    return 0;
}

} // namespace dsmilctl
