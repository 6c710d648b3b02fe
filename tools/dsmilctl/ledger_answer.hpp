// SPDX-License-Identifier: Apache-2.0
// What dsmild says of its ledger (GET /v1/ledger). Pure, bounded, for any bytes.
#pragma once

#include "dsmil/error.hpp"

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>

namespace dsmilctl {

struct AnchorAnswer {
    std::uint64_t size = 0;
    std::uint64_t count = 0;
    std::uint64_t at_ns = 0;
    std::string reason;
};

struct LedgerAnswer {
    std::string origin;
    std::uint64_t size = 0;
    std::uint64_t signed_size = 0;
    std::string state; // of the anchors: "kept"
    std::string detail;
    std::optional<AnchorAnswer> last;
    std::uint64_t per_day = 0;
    std::uint64_t used = 0;
    std::uint64_t left = 0;
    std::uint64_t wait_s = 0;
    std::uint64_t made = 0;
    std::uint64_t refused = 0;

    // File and TPM contradict each other.
    [[nodiscard]] bool contradicted() const;
    // "up to 17 records, anchor 4 of 2026-01-01T00:00:00Z (interval)"
    [[nodiscard]] std::string anchored_text() const;
};

// failed when a member is missing.
[[nodiscard]] dsmil::Result<LedgerAnswer> decode_ledger(const boost::json::object &answer);

} // namespace dsmilctl
