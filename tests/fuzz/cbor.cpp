// SPDX-License-Identifier: Apache-2.0
// Records: what decodes has one spelling only, and a glance sees the same.
#include "ledger/record_glance.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const dsmil::ByteView input(data, size);
    const auto record = dsmil::ledger::decode_record(input);
    const auto glance = dsmil::ledger::glance_at_record(input);
    if (record.has_value() != glance.has_value()) {
        std::abort();
    }
    if (record) {
        if (record->sequence != glance->sequence || record->ring != glance->ring ||
            record->action != glance->action) {
            std::abort();
        }
        const auto again = dsmil::ledger::encode(*record);
        if (!again || !std::ranges::equal(*again, input)) {
            std::abort();
        }
    }
    return 0;
}
