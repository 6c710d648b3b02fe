// SPDX-License-Identifier: Apache-2.0
// The daemon's two keys: made once, kept as encrypted blobs that only this TPM
// can load. Inner header of tpm/.
#pragma once

#include "base/bytes.hpp"
#include "tpm/context.hpp"

#include <cstdint>
#include <string>

namespace dsmil::tpm {

// Each has one purpose. Both are ECC P-256 with ECDSA and SHA-256, bound to this
// TPM (fixedTPM, fixedParent, made inside), and exempt from dictionary-attack
// lockout, so that other programs' wrong passwords cannot stop the ledger.
enum class Purpose : std::uint8_t {
    attestation, // restricted: signs only what the TPM itself made
    checkpoint,  // signs digests of checkpoints
};

class Key {
  public:
    // Loads it from `state_dir`/<purpose>.pub and .priv (the formats of
    // tpm2_load), or makes it when they are not there. tpm_failed also when the
    // files hold a key that is not what the purpose demands.
    [[nodiscard]] static Result<Key> load_or_create(Context &context, ESYS_TR parent, Purpose purpose,
                                                    const std::string &state_dir);

    [[nodiscard]] ESYS_TR handle() const { return transient_.handle(); }
    [[nodiscard]] const Bytes &spki() const { return spki_; } // DER

  private:
    Key(Transient transient, Bytes spki) : transient_(std::move(transient)), spki_(std::move(spki)) {}
    Transient transient_;
    Bytes spki_;
};

// Whether the key was ever made here.
[[nodiscard]] bool is_made(Purpose purpose, const std::string &state_dir);

// The storage root key: ECC P-256 of the owner hierarchy (TCG template), which
// the TPM derives again each time.
[[nodiscard]] Result<Transient> create_storage_root(Context &context);

[[nodiscard]] std::string spki_to_pem(ByteView spki);

} // namespace dsmil::tpm
