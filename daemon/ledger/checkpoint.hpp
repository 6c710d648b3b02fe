// SPDX-License-Identifier: Apache-2.0
// The text of a checkpoint as C2SP tlog-checkpoint has it.
#pragma once

#include "base/sha256.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace dsmil::ledger {

struct Checkpoint {
    std::string origin;
    std::uint64_t size = 0;
    Hash root{};

    [[nodiscard]] std::string text() const;
    // Extension lines are accepted and ignored. failed when it is no checkpoint.
    [[nodiscard]] static Result<Checkpoint> parse(std::string_view text);
    bool operator==(const Checkpoint &) const = default;
};

} // namespace dsmil::ledger
