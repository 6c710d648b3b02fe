// SPDX-License-Identifier: Apache-2.0
// Cosigns checkpoints with a private key in a file: Ed25519 (type 0x04) or
// ML-DSA-44 (type 0x06), as C2SP tlog-cosignature has them.
#pragma once

#include "dsmil/error.hpp"
#include "ledger/note.hpp"
#include "private_key.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace dsmilctl {

class NoteSigner {
  public:
    // not_found, permission, usage (no such key, or a name that no key can have).
    [[nodiscard]] static dsmil::Result<NoteSigner> open(const std::string &path, std::string name);

    [[nodiscard]] const dsmil::ledger::VerifierKey &verifier() const { return verifier_; }
    // `time` in seconds of POSIX time. failed when the text is no checkpoint or OpenSSL fails.
    [[nodiscard]] dsmil::Result<dsmil::ledger::NoteSignature> cosign(std::string_view checkpoint_text,
                                                                     std::uint64_t time) const;

  private:
    NoteSigner(PrivateKey key, dsmil::ledger::VerifierKey verifier)
        : key_(std::move(key)), verifier_(std::move(verifier)) {}
    PrivateKey key_;
    dsmil::ledger::VerifierKey verifier_;
};

} // namespace dsmilctl
