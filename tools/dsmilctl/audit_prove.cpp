// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/log_source.hpp"
#include "ledger/proof_file.hpp"
#include "ledger/signed_checkpoint.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "proof_text.hpp"
#include "text.hpp"

#include <format>
#include <limits>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;
using dsmil::ledger::Checkpoint;
using dsmil::ledger::LogSource;
using dsmil::ledger::TileTree;

struct Signed {
    Checkpoint checkpoint;
    std::string note;
};

using Keys = std::vector<dsmil::ledger::NoteVerifier>;

// Without keys the signatures are for others to check.
Result<Signed> read_checkpoint(std::string text, const Keys &keys, std::string_view name) {
    return dsmil::ledger::read_signed(text, keys, name).transform([&](auto checkpoint) {
        return Signed{std::move(checkpoint.checkpoint), std::move(text)};
    });
}

Result<Signed> checkpoint_option(const Call &call, std::string_view option, const Keys &keys) {
    const auto &path = call.argument(option);
    auto text = read_file(path, dsmil::ledger::max_note_bytes);
    if (!text) {
        return std::unexpected(std::move(text.error()));
    }
    return read_checkpoint(std::move(*text), keys, path);
}

// The log, with the checkpoint to prove against.
struct Log {
    std::unique_ptr<LogSource> source;
    TileTree tree;
    Signed head;
    bool own_head; // it is the log's newest one
    Keys keys;     // with which signatures were verified
};

// What two checkpoints of one log that do not fit together are: without a verified signature only
// that one of them is none of it.
Code contradiction(const Log &log, Code code) {
    return !log.keys.empty() ? code : Code::proof_refused;
}

Result<Keys> read_keys(const Call &call) {
    if (!call.has("--key")) {
        return Keys{};
    }
    return read_note_keys(call).transform([](std::vector<dsmil::ledger::VerifierKey> keys) {
        return Keys(std::make_move_iterator(keys.begin()), std::make_move_iterator(keys.end()));
    });
}

Result<Log> open_log(const Call &call) {
    auto keys = read_keys(call);
    if (!keys) {
        return std::unexpected(std::move(keys.error()));
    }
    auto source = LogSource::open(call.argument("LOG"));
    if (!source) {
        return std::unexpected(std::move(source.error()));
    }
    auto newest = (*source)->checkpoint().and_then(
        [&](std::string text) { return read_checkpoint(std::move(text), *keys, "the newest checkpoint"); });
    if (!newest) {
        return std::unexpected(std::move(newest.error()));
    }
    auto *const reader = source->get();
    TileTree tree(newest->checkpoint.size,
                  [reader](unsigned level, std::uint64_t index, std::uint64_t width) {
                      return reader->tile(level, index, width);
                  });
    Log log{std::move(*source), std::move(tree), std::move(*newest), true, std::move(*keys)};
    if (!call.has("--checkpoint")) {
        return log;
    }
    auto head = checkpoint_option(call, "--checkpoint", log.keys);
    if (!head) {
        return std::unexpected(std::move(head.error()));
    }
    if (head->checkpoint.size > log.tree.size()) {
        return dsmil::fail(contradiction(log, Code::cut),
                           std::format("the log's newest checkpoint covers {} records, {} covers {}",
                                       log.tree.size(), call.argument("--checkpoint"),
                                       head->checkpoint.size));
    }
    log.head = std::move(*head);
    log.own_head = false;
    return log;
}

// The record itself, when the log still has it; it must be the leaf.
Result<std::optional<dsmil::Bytes>> record_of(Log &log, std::uint64_t index, const dsmil::Hash &leaf) {
    using dsmil::ledger::tile_width;
    const std::uint64_t bundle = index / tile_width;
    const std::uint64_t width = std::min(tile_width, log.tree.size() - bundle * tile_width);
    auto entries = log.source->entries(bundle, width);
    if (!entries) {
        return entries.error().code == Code::not_found ? Result<std::optional<dsmil::Bytes>>(std::nullopt)
                                                       : std::unexpected(std::move(entries.error()));
    }
    auto &record = entries->at(index % tile_width);
    if (dsmil::ledger::leaf_hash(record) != leaf) {
        return dsmil::fail(Code::tampered,
                           std::format("record {}: its hash is not the one in the tree", index));
    }
    return std::move(record);
}

Result<int> prove_inclusion(const Call &call, Output &out, Log log) {
    const auto index =
        parse_number("--index", call.argument("--index"), std::numeric_limits<std::uint64_t>::max());
    if (!index) {
        return std::unexpected(index.error());
    }
    const auto &head = log.head.checkpoint;
    if (*index >= head.size) {
        return dsmil::fail(Code::not_found,
                           std::format("the checkpoint covers {} records, from 0 on", head.size));
    }
    const auto leaf = log.tree.leaf(*index);
    auto proof = leaf ? log.tree.inclusion(*index, head.size)
                      : Result<dsmil::ledger::Proof>(std::unexpected(leaf.error()));
    if (!proof) {
        return std::unexpected(std::move(proof.error()));
    }
    if (auto held = dsmil::ledger::check_inclusion(*leaf, *index, head.size, head.root, *proof); !held) {
        return dsmil::fail(log.own_head ? Code::tampered : contradiction(log, Code::forked),
                           "the log's tiles do not give the root of the checkpoint", {held.error().detail});
    }
    auto record = record_of(log, *index, *leaf);
    if (!record) {
        return std::unexpected(std::move(record.error()));
    }
    if (call.has("--hash-only")) {
        record->reset();
    }
    dsmil::ledger::InclusionFile file{std::move(*record), *index, std::move(*proof),
                                      std::move(log.head.note)};
    if (!call.json) {
        out.text(file.format());
        return 0;
    }
    out.object({{"schema", call.command->schema},
                {"kind", "inclusion"},
                {"origin", head.origin},
                {"index", *index},
                {"leaf_hash", dsmil::to_hex(*leaf)},
                {"size", head.size},
                {"root", dsmil::to_hex(head.root)},
                {"proof", hex_list(file.proof)},
                {"file", file.format()}});
    return 0;
}

Result<int> prove_consistency(const Call &call, Output &out, Log log) {
    const auto earlier = checkpoint_option(call, "--from", log.keys);
    if (!earlier) {
        return std::unexpected(earlier.error());
    }
    const auto &old = earlier->checkpoint;
    const auto &head = log.head.checkpoint;
    if (old.origin != head.origin) {
        return dsmil::fail(Code::proof_refused,
                           std::format("{} is of another log: {}", call.argument("--from"), old.origin));
    }
    if (old.size > head.size) {
        return dsmil::fail(contradiction(log, Code::cut),
                           std::format("{} covers {} records, the later checkpoint {}",
                                       call.argument("--from"), old.size, head.size));
    }
    // The empty tree begins every other; there is nothing to prove, and the protocol wants no hash.
    auto proof = old.size == 0 ? Result<dsmil::ledger::Proof>{} : log.tree.consistency(old.size, head.size);
    if (!proof) {
        return std::unexpected(std::move(proof.error()));
    }
    const auto tiles_root = log.tree.root(head.size);
    if (!tiles_root) {
        return std::unexpected(tiles_root.error());
    }
    if (*tiles_root != head.root) {
        return dsmil::fail(log.own_head ? Code::tampered : contradiction(log, Code::forked),
                           "the log's tiles do not give the root of the checkpoint");
    }
    const auto old_root = log.tree.root(old.size);
    if (!old_root || *old_root != old.root) {
        return dsmil::fail(contradiction(log, Code::forked),
                           std::format("{} is not the beginning of this log", call.argument("--from")));
    }
    dsmil::ledger::ConsistencyFile file{old.size, std::move(*proof), std::move(log.head.note)};
    if (!call.json) {
        out.text(file.format());
        return 0;
    }
    out.object({{"schema", call.command->schema},
                {"kind", "consistency"},
                {"origin", head.origin},
                {"size1", old.size},
                {"root1", dsmil::to_hex(old.root)},
                {"size2", head.size},
                {"root2", dsmil::to_hex(head.root)},
                {"proof", hex_list(file.proof)},
                {"file", file.format()}});
    return 0;
}

} // namespace

Result<int> run_audit_prove(const Call &call, Output &out) {
    if (call.has("--index") == call.has("--from")) {
        return dsmil::fail(Code::usage, "give one of --index and --from");
    }
    if (call.has("--hash-only") && !call.has("--index")) {
        return dsmil::fail(Code::usage, "--hash-only goes with --index");
    }
    auto log = open_log(call);
    if (!log) {
        return std::unexpected(
            std::move(log.error()).in(std::format("proving from {}", call.argument("LOG"))));
    }
    auto proved = call.has("--index") ? prove_inclusion(call, out, std::move(*log))
                                      : prove_consistency(call, out, std::move(*log));
    if (!proved) {
        return std::unexpected(
            std::move(proved.error()).in(std::format("proving from {}", call.argument("LOG"))));
    }
    return proved;
}

} // namespace dsmilctl
