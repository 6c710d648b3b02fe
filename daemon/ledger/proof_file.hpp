// SPDX-License-Identifier: Apache-2.0
// Proofs as texts that others read: C2SP tlog-proof for one record, and the body
// of C2SP tlog-witness add-checkpoint for a log that has grown. Both end in a
// signed checkpoint. What is parsed is written the same again.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"
#include "ledger/proof.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dsmil::ledger {

inline constexpr std::size_t max_extra_bytes = 65'535;       // a whole record
inline constexpr std::size_t max_proof_file_bytes = 262'144; // with the largest extra and note

struct InclusionFile {
    std::optional<Bytes> extra; // not proved by itself; dsmil puts the record there
    std::uint64_t index = 0;
    Proof proof;
    std::string checkpoint; // a signed note, unverified

    // failed when it is none.
    [[nodiscard]] static Result<InclusionFile> parse(std::string_view text);
    [[nodiscard]] std::string format() const;
};

struct ConsistencyFile {
    std::uint64_t old_size = 0;
    Proof proof;
    std::string checkpoint;

    // failed when it is none, or has more than the 63 hashes that the protocol allows.
    [[nodiscard]] static Result<ConsistencyFile> parse(std::string_view text);
    [[nodiscard]] std::string format() const;
};

} // namespace dsmil::ledger
