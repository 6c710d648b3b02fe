// SPDX-License-Identifier: Apache-2.0
// Makes signed checkpoints: the TPM's signature, and as evidence its quote and
// an ML-DSA-44 cosignature. Reactor's thread, but for finish().
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/cosigner.hpp"
#include "ledger/notary.hpp"
#include "ledger/note.hpp"
#include "ledger/signer.hpp"

#include <optional>
#include <string>

namespace dsmil::ledger {

// A checkpoint in the making.
struct Draft {
    Checkpoint checkpoint;
    Note note;
    bool evidence = false; // it is to be cosigned and quoted
    std::optional<Quote> quote;
};

class Sealer {
  public:
    // Without a notary there are no quotes.
    Sealer(const Log &log, const Clock &clock, Signer &signer, Notary *notary)
        : log_(log), clock_(clock), signer_(signer), notary_(notary) {}

    // The errors of Cosigner::open(). Until then there are no cosignatures.
    [[nodiscard]] Result<void> cosign_with(const std::string &path, const std::string &origin);

    // tpm_missing when no key signs; tpm_failed when the signature does not hold.
    void draft(Checkpoint checkpoint, bool evidence, Then<Result<Draft>> then);
    // The note, with the cosignature. Any thread.
    [[nodiscard]] Result<std::string> finish(const Draft &draft) const;

    // Verifier key lines. tpm_missing when no key signs.
    [[nodiscard]] Result<VerifierKey> key(const std::string &origin) const;
    [[nodiscard]] std::optional<std::string> cosigner_key() const;

  private:
    void add_quote(Draft draft, Then<Result<Draft>> then);

    const Log &log_;
    const Clock &clock_;
    Signer &signer_;
    Notary *notary_;
    std::optional<Cosigner> cosigner_;
    bool quote_failed_ = false;
};

} // namespace dsmil::ledger
