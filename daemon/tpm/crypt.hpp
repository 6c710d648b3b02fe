// SPDX-License-Identifier: Apache-2.0
// Verification, decryption and encryption with keys of the TPM. Inner header of
// tpm/.
#pragma once

#include "tpm/tpm.hpp"

namespace dsmil::tpm {

inline constexpr std::size_t max_crypt_bytes = 1'024; // TPM2B_MAX_BUFFER
inline constexpr std::size_t block_bytes = 16;

// What the TPM says of a signature (DER for ECDSA) with a loaded key:
// attestation_failed when it is not the key's.
[[nodiscard]] Result<void> verify_with(Tpm &tpm, ESYS_TR key, const TPM2B_PUBLIC &area, ByteView digest,
                                       ByteView signature);

// RSA-OAEP with SHA-256, an empty label. `cipher` as long as the key.
[[nodiscard]] Result<Bytes> decrypt_with(Tpm &tpm, ESYS_TR key, ByteView cipher);

// An AES-128 key for the two below. tpm_unsupported where export rules keep
// symmetric encryption out of the chip, which is usual.
[[nodiscard]] TPM2B_PUBLIC cipher_template();
enum class Direction : std::uint8_t { encrypt, decrypt };
// AES-CFB; at most max_crypt_bytes with an IV of block_bytes.
[[nodiscard]] Result<Bytes> crypt_with(Tpm &tpm, ESYS_TR key, Direction direction, ByteView iv,
                                       ByteView text);

} // namespace dsmil::tpm
