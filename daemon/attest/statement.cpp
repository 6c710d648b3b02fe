// SPDX-License-Identifier: Apache-2.0
#include "attest/statement.hpp"

#include "base/sha256.hpp"

namespace dsmil::attest {

Bytes statement_nonce(std::string_view statement) {
    Bytes nonce = {0xD5, 0x01}; // a statement, its first version
    const Hash digest = sha256(as_bytes(statement));
    nonce.insert(nonce.end(), digest.begin(), digest.end());
    return nonce;
}

} // namespace dsmil::attest
