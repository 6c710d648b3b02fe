// SPDX-License-Identifier: Apache-2.0
// tpm2-tss's policy JSON.
#include "attest/policy_digest.hpp"
#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto digest =
        dsmil::attest::policy_digest(dsmil::as_text({data, size}), dsmil::attest::HashAlg::sha256);
    if (digest ? digest->size() != 32 : digest.error().detail.empty()) {
        std::abort();
    }
    return 0;
}
