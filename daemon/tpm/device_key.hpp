// SPDX-License-Identifier: Apache-2.0
// A key for a device: P-256, unrestricted, under the storage root, with the
// secret "device-key". Inner header of tpm/.
#pragma once

#include "base/sha256.hpp"
#include "tpm/certify.hpp"
#include "tpm/identity.hpp"

#include <cstdint>
#include <string>

namespace dsmil::tpm {

struct DeviceKey {
    bool made = false; // now; else it was there
    std::string public_pem;
    PublicIdentity key;
    Statement certificate; // the attestation key's word that it is in this TPM
    std::string ak_public_pem;
    PublicIdentity ak;
};

// Loads it from `state_dir`/device-<id>-key.pub and .priv, or makes it.
[[nodiscard]] Result<DeviceKey> provision_device_key(Tpm &tpm, const std::string &state_dir, std::uint16_t id,
                                                     ByteView nonce);

struct DeviceSignature {
    Bytes signature; // ECDSA, DER
    std::string public_pem;
};

// With the key that was made for it: not_found before that. `digest` is of what the
// daemon composed; no foreign digest is ever signed.
[[nodiscard]] Result<DeviceSignature> sign_for_device(Tpm &tpm, const std::string &state_dir,
                                                      std::uint16_t id, const Hash &digest);

} // namespace dsmil::tpm
