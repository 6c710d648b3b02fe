// SPDX-License-Identifier: Apache-2.0
// An EK certificate, with itself among the roots, so that more than the chain is looked at.
#include "attest/ek_certificate.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    constexpr std::int64_t now = 1'800'000'000;
    const auto file = dsmil::attest::read_certificates({data, size});
    const auto known = dsmil::attest::read_certificates({data, size});
    if (file && known) {
        const auto report = dsmil::attest::verify_ek_certificate(*file, *known, nullptr, now);
        if (report && (report->manufacturer.empty() || report->chain.empty())) {
            std::abort();
        }
    }
    return 0;
}
