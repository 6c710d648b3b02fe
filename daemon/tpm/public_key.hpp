// SPDX-License-Identifier: Apache-2.0
// Public keys and signatures of the TPM in the forms that everybody else uses.
// Pure. Inner header of tpm/.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <string>
#include <tss2/tss2_tpm2_types.h>

namespace dsmil::tpm {

// SubjectPublicKeyInfo, DER: P-256, P-384, RSA with exponent 65537.
[[nodiscard]] Result<Bytes> spki_of(const TPM2B_PUBLIC &key);
[[nodiscard]] std::string spki_to_pem(ByteView spki);

// The public area that a P-256 key has in the TPM when it came from outside, as
// tpm2_loadexternal makes it: policies are over its Name. usage when it is none.
[[nodiscard]] Result<TPM2B_PUBLIC> external_key(ByteView spki);

// ECDSA as DER, RSASSA as it is.
[[nodiscard]] Result<Bytes> signature_bytes(const TPMT_SIGNATURE &signature);
// The other way round, for a key's scheme. usage when it is no signature.
[[nodiscard]] Result<TPMT_SIGNATURE> parse_signature(const TPMT_PUBLIC &key, ByteView signature);

// As the TPM has it: TPMT_SIGNATURE.
[[nodiscard]] Result<Bytes> marshal(const TPMT_SIGNATURE &signature);

} // namespace dsmil::tpm
