// SPDX-License-Identifier: Apache-2.0
// What a quote says that it is the answer to, when that is a statement of dsmild's own (of
// a device) and not a caller's nonce.
#pragma once

#include "base/bytes.hpp"

#include <cstddef>
#include <string_view>

namespace dsmil::attest {

// What every TPM takes: the size of TPMT_HA when SHA-256 is its largest hash.
inline constexpr std::size_t max_qualifying_bytes = 34;

// A tag and the SHA-256 of the statement: 34 bytes. A caller's own nonce has 32 at most, so
// no quote of a caller's choice passes for one of a statement.
[[nodiscard]] Bytes statement_nonce(std::string_view statement);

} // namespace dsmil::attest
