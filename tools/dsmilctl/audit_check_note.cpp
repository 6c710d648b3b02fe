// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "ledger/note.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "proof_text.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>
#include <format>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::ledger::NoteVerdict;

struct Signer {
    dsmil::ledger::VerifierKey key;
    std::uint64_t timestamp = 0; // of a cosignature
};

// Those of the keys that signed. A signature that does not hold spoils the note.
dsmil::Result<std::vector<Signer>> signers(const dsmil::ledger::Note &note,
                                           std::vector<dsmil::ledger::VerifierKey> keys) {
    std::vector<Signer> found;
    for (auto &key : keys) {
        const auto check = dsmil::ledger::NoteVerifier(key).check(note);
        if (check.verdict == NoteVerdict::wrong) {
            return dsmil::fail(Code::signature_refused,
                               std::format("the signature of {}+{:08x}", key.name, key.id));
        }
        if (check.verdict == NoteVerdict::signed_by_key) {
            found.push_back({std::move(key), check.timestamp});
        }
    }
    if (found.empty()) {
        return dsmil::fail(Code::not_signed,
                           std::format("none of its {} signatures is by the key", note.signatures.size()));
    }
    return found;
}

std::string when(const Signer &signer) {
    constexpr std::uint64_t billion = 1'000'000'000;
    if (!is_cosignature(signer.key.type)) {
        return "";
    }
    // Beyond the range of the clock in nanoseconds the number says it.
    return signer.timestamp < ~std::uint64_t{0} / billion ? utc(signer.timestamp * billion)
                                                          : std::to_string(signer.timestamp);
}

} // namespace

dsmil::Result<int> run_audit_check_note(const Call &call, Output &out) {
    auto keys = read_note_keys(call);
    if (!keys) {
        return std::unexpected(std::move(keys.error()));
    }
    const auto &file = call.argument("FILE");
    const auto text = read_file(file, dsmil::ledger::max_note_bytes);
    if (!text) {
        return std::unexpected(text.error());
    }
    const auto note = dsmil::ledger::Note::parse(*text);
    if (!note) {
        return std::unexpected(dsmil::Error(note.error()).in(std::format("reading {}", file)));
    }
    const auto found = signers(*note, std::move(*keys));
    if (!found) {
        return std::unexpected(dsmil::Error(found.error()).in(std::format("checking {}", file)));
    }
    boost::json::array list;
    for (const auto &signer : *found) {
        if (!call.json) {
            const auto time = when(signer);
            out.line(std::format("holds: signed by {}+{:08x}{}", printable(signer.key.name), signer.key.id,
                                 time.empty() ? "" : " at " + time));
        }
        list.push_back({{"name", signer.key.name},
                        {"id", std::format("{:08x}", signer.key.id)},
                        {"type", static_cast<unsigned>(signer.key.type)},
                        {"timestamp",
                         is_cosignature(signer.key.type) ? boost::json::value(signer.timestamp) : nullptr}});
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"holds", true},
                    {"file", file},
                    {"signatures", note->signatures.size()},
                    {"signed_by", std::move(list)},
                    {"text", note->text}});
    }
    return 0;
}

} // namespace dsmilctl
