// SPDX-License-Identifier: Apache-2.0
// An EK certificate, with itself among the roots, so that more than the chain is looked at;
// and as the chain that a TPM holds.
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
    const auto parts = dsmil::attest::split_certificates({data, size});
    std::size_t bytes = 0;
    for (const auto &part : parts) {
        bytes += part.size();
        if (part.empty() || !dsmil::attest::read_certificates(part)) {
            std::abort();
        }
    }
    if (bytes > size) {
        std::abort();
    }
    return 0;
}
