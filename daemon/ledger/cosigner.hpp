// SPDX-License-Identifier: Apache-2.0
// The second signature of a checkpoint: an ML-DSA-44 cosignature (C2SP
// tlog-cosignature, type 0x06), which a quantum computer cannot make. No TPM
// knows the algorithm, so its key is a file: who can read it can cosign. It
// stands beside the TPM's signature and never for it.
#pragma once

#include "dsmil/error.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/note.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace dsmil::ledger {

class Cosigner {
  public:
    // The key of the PEM file, which is made (0600) when it is not there. `name`
    // is that of the log. failed when the file holds another kind of key;
    // permission, disk_full.
    [[nodiscard]] static Result<Cosigner> open(const std::string &path, std::string name);
    Cosigner(Cosigner &&) noexcept;
    Cosigner &operator=(Cosigner &&) noexcept;
    ~Cosigner();

    [[nodiscard]] const VerifierKey &key() const { return key_; }
    // `time_s` is POSIX time. Any thread.
    [[nodiscard]] Result<NoteSignature> sign(const Checkpoint &checkpoint, std::uint64_t time_s) const;

  private:
    struct Impl;
    Cosigner(std::unique_ptr<Impl> impl, VerifierKey key);
    std::unique_ptr<Impl> impl_;
    VerifierKey key_;
};

} // namespace dsmil::ledger
