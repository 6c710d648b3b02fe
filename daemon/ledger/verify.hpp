// SPDX-License-Identifier: Apache-2.0
// Verification of a log by its records and a public key alone: no daemon, no
// TPM, no network. What is verified may be hostile.
#pragma once

#include "attest/quote.hpp"
#include "base/sha256.hpp"
#include "dsmil/error.hpp"
#include "ledger/note.hpp"
#include "ledger/tpm_evidence.hpp"
#include "ledger/witness_policy.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::ledger {

struct VerifyOptions {
    // A signed checkpoint of this log that the caller, or a witness, kept from
    // earlier: the log must contain what it covered.
    std::optional<std::string> held_checkpoint;
    // The key whose the TPM's quotes of checkpoints must be; without it only what they say is checked.
    attest::QuoteVerifier *ak = nullptr;
    // What the machine's TPM held when it was asked (verify_evidence()); for a ledger file.
    const AnchorWitness *tpm = nullptr;
    // Fail with freshness_not_shown when nothing shows that the log is new.
    bool require_fresh = false;
    // The log's newest checkpoint, or the held one, must have enough cosignatures.
    const WitnessPolicy *witnesses = nullptr;
    // Cosignatures show freshness when they are not older than this...
    std::uint64_t max_age_s = 86'400;
    // ...at this time, seconds of POSIX time.
    std::uint64_t now = 0;
};

enum class Freshness : std::uint8_t {
    not_shown,
    held_checkpoint, // it is not older than the checkpoint that was held
    witnessed,       // enough witnesses saw nothing newer, as of a time
    tpm,             // it has what the TPM held when it was asked
};

struct VerifyReport {
    std::string origin;
    std::uint64_t size = 0; // records, all of them covered by the newest checkpoint
    Hash root{};
    std::uint64_t checkpoints = 0;        // with a signature of the key
    std::uint64_t quotes = 0;             // of checkpoints, by the TPM
    bool quotes_verified = false;         // they are the given key's
    std::uint64_t anchors = 0;            // checkpoints that the TPM remembered
    std::uint64_t adopted = 0;            // of them: where that began anew
    std::uint64_t newest_realtime_ns = 0; // of the newest record; 0 when it does not say
    Freshness freshness = Freshness::not_shown;
    std::uint64_t fresh_size = 0;       // what the held, witnessed or anchored checkpoint covers
    std::uint64_t fresh_since = 0;      // witnessed: as of when, seconds of POSIX time
    std::vector<std::string> witnesses; // whose cosignatures hold, by the policy's names
    std::vector<std::string> notes;     // what the user should know besides

    // "consistent up to 17 records at 2026-01-01T00:00:00Z, root ..., freshness not shown"
    [[nodiscard]] std::string text() const;
};

// A ledger file, or a folder of C2SP tlog-tiles of any log. Recomputes every hash from the records.
// The first key must have signed, the others not wrongly.
// Errors, each with a detail that names the first thing that is wrong:
//   tampered       a record, tile, checkpoint or signature is not what was signed
//   cut            there are fewer records than a signed checkpoint covers, or fewer anchors than the TPM
//   counted forked         two signed checkpoints contradict each other, or an anchor and the TPM not_signed
//   no checkpoint of this key, or records after the last one; not enough witnesses freshness_not_shown   only
//   with require_fresh (quotes of the TPM are tampered, too, when they do not fit or are not the given key's)
//   usage          a key or the held checkpoint is malformed
//   not_found, permission, failed   it could not be checked
[[nodiscard]] Result<VerifyReport> verify_log(const std::string &path, std::span<const NoteVerifier> keys,
                                              const VerifyOptions &options = {});

// With keys as C2SP verifier key lines.
[[nodiscard]] Result<VerifyReport> verify_file(const std::string &path, std::string_view vkeys,
                                               const VerifyOptions &options = {});

} // namespace dsmil::ledger
