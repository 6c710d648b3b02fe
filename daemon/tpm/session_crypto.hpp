// SPDX-License-Identifier: Apache-2.0
// The cryptography of ESYS' own sessions (hashes, HMAC, salts, AES-CFB), for tpm2-tss to
// call. Its own version makes a library context of OpenSSL for every hash and HMAC, which
// costs some 3 ms a command; this one fetches each algorithm once. Inner header of tpm/.
#pragma once

#include <tss2/tss2_esys.h>

namespace dsmil::tpm {

// Stateless but for what was fetched; for any number of contexts on any thread.
[[nodiscard]] ESYS_CRYPTO_CALLBACKS session_crypto();

} // namespace dsmil::tpm
