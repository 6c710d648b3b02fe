// SPDX-License-Identifier: Apache-2.0
// What verification reads of each record, without taking it apart.
// Inner header of ledger/.
#pragma once

#include "ledger/record.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace dsmil::ledger {

struct RecordGlance {
    std::uint64_t sequence = 0;
    std::uint64_t realtime_ns = 0;
    std::optional<RingPosition> ring;
    std::string_view source; // the texts lie in the record's bytes
    std::string_view action;
};

// As strict as decode_record(), and allocates nothing.
[[nodiscard]] Result<RecordGlance> glance_at_record(ByteView body);

} // namespace dsmil::ledger
