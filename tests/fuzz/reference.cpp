// SPDX-License-Identifier: Apache-2.0
// Reference values: what is read judges evidence of which there is none.
#include "attest/reference.hpp"
#include "attest/verdict.hpp"
#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (const auto reference = dsmil::attest::parse_reference(dsmil::as_text({data, size}))) {
        (void)dsmil::attest::judge({}, *reference);
    }
    return 0;
}
