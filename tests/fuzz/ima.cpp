// SPDX-License-Identifier: Apache-2.0
// An IMA list, in either form.
#include "attest/ima.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto list = dsmil::attest::parse_ima_list({data, size});
    if (list) {
        for (const auto &entry : *list) {
            if (entry.extended.size() != 32) {
                std::abort();
            }
        }
        (void)dsmil::attest::quoted_prefix(*list, dsmil::attest::ima_pcr, dsmil::Bytes(32, 1));
    }
    return 0;
}
