// SPDX-License-Identifier: Apache-2.0
#include "ledger/sealer.hpp"

#include "base/sha256.hpp"

#include <utility>

namespace dsmil::ledger {
namespace {

constexpr std::uint64_t ns_per_s = 1'000'000'000;

} // namespace

Result<void> Sealer::cosign_with(const std::string &path, const std::string &origin) {
    auto cosigner = Cosigner::open(path, origin);
    if (!cosigner) {
        return std::unexpected(std::move(cosigner.error()));
    }
    cosigner_ = std::move(*cosigner);
    return {};
}

void Sealer::draft(Checkpoint checkpoint, bool evidence, Then<Result<Draft>> then) {
    auto known = key(checkpoint.origin);
    if (!known) {
        then(std::unexpected(std::move(known.error())));
        return;
    }
    Draft draft{.checkpoint = std::move(checkpoint), .note = {}, .evidence = evidence, .quote = {}};
    draft.note.text = draft.checkpoint.text();
    const Hash digest = sha256(as_bytes(draft.note.text));
    signer_.sign(digest, [this, key = std::move(*known), draft = std::move(draft),
                          then = std::move(then)](Result<Bytes> signature) mutable {
        if (!signature) {
            then(std::unexpected(std::move(signature.error()).in("signing a checkpoint")));
            return;
        }
        draft.note.signatures.push_back({key.name, key.id, std::move(*signature)});
        // The key may have become another while it was signed, and a signature may be wrong.
        if (verify(draft.note, key) != NoteVerdict::signed_by_key) {
            then(fail(Code::tpm_failed, "signing a checkpoint: the signature is not the key's"));
            return;
        }
        if (draft.evidence && notary_ != nullptr) {
            add_quote(std::move(draft), std::move(then));
        } else {
            then(std::move(draft));
        }
    });
}

// A checkpoint without a quote is better than none: the failure is told once.
void Sealer::add_quote(Draft draft, Then<Result<Draft>> then) {
    const Hash digest = sha256(as_bytes(draft.note.text));
    notary_->quote(digest,
                   [this, draft = std::move(draft), then = std::move(then)](Result<Quote> quote) mutable {
                       const bool failed = !quote && quote.error().code != Code::tpm_missing;
                       if (failed && !quote_failed_) {
                           log_.write_error(LogLevel::warning, "checkpoint_quote_failed", quote.error());
                       }
                       quote_failed_ = failed;
                       if (quote) {
                           draft.quote = std::move(*quote);
                       }
                       then(std::move(draft));
                   });
}

Result<std::string> Sealer::finish(const Draft &draft) const {
    Note note = draft.note;
    if (draft.evidence && cosigner_) {
        auto cosignature = cosigner_->sign(draft.checkpoint, clock_.realtime_ns() / ns_per_s);
        if (!cosignature) {
            return std::unexpected(std::move(cosignature.error()).in("cosigning a checkpoint"));
        }
        note.signatures.push_back(std::move(*cosignature));
    }
    return note.format();
}

Result<VerifierKey> Sealer::key(const std::string &origin) const {
    const auto spki = signer_.public_key();
    return spki ? VerifierKey::ecdsa(origin, *spki)
                : Result<VerifierKey>(fail(Code::tpm_missing, "no key signs the ledger"));
}

std::optional<std::string> Sealer::cosigner_key() const {
    return cosigner_ ? std::optional(cosigner_->key().text()) : std::nullopt;
}

} // namespace dsmil::ledger
