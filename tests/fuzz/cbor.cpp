// SPDX-License-Identifier: Apache-2.0
// Records: what decodes has one spelling only.
#include "ledger/record.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const dsmil::ByteView input(data, size);
    const auto record = dsmil::ledger::decode_record(input);
    if (record) {
        const auto again = dsmil::ledger::encode(*record);
        if (!again || !std::ranges::equal(*again, input)) {
            std::abort();
        }
    }
    return 0;
}
