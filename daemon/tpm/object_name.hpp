// SPDX-License-Identifier: Apache-2.0
// The Name of a TPM object: the hash of its public area, which no other object
// has (TPM 2.0 Library, Part 1, 16). Inner header of tpm/.
#pragma once

#include "base/bytes.hpp"
#include "tpm/context.hpp"

#include <optional>

namespace dsmil::tpm {

// tpm_failed when the public area cannot be encoded or its Name is of another hash
// than SHA-256 and SHA-384.
[[nodiscard]] Result<Bytes> name_of(const TPMT_PUBLIC &area);

// As tpm2_readpublic writes it: TPM2B_PUBLIC.
[[nodiscard]] Result<Bytes> marshal(const TPM2B_PUBLIC &area);

// The public area that ESYS has for an object, from which it encrypts salts and
// computes HMACs. A TPM's answer to ReadPublic is not authenticated: only a Name
// that is computed from this very copy says which object it is.
[[nodiscard]] Result<TPM2B_PUBLIC> public_area(Context &context, ESYS_TR object);
[[nodiscard]] Result<Bytes> computed_name(Context &context, ESYS_TR object);

// What is at a persistent handle; nothing when it is empty.
[[nodiscard]] Result<std::optional<Object>> find_persistent(Context &context, TPM2_HANDLE handle);

} // namespace dsmil::tpm
