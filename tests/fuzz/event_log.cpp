// SPDX-License-Identifier: Apache-2.0
// A firmware's event log, in every bank: what is read is described and replayed.
#include "attest/event_log.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using dsmil::attest::HashAlg;
    for (const auto bank : {HashAlg::sha1, HashAlg::sha256}) {
        const auto log = dsmil::attest::parse_event_log({data, size}, bank);
        if (!log) {
            continue;
        }
        for (const auto &event : log->events) {
            // What is extended has a digest, and what is printed is harmless.
            if (event.extended && event.digest.size() != dsmil::attest::size_of(bank)) {
                std::abort();
            }
            for (const char letter : dsmil::attest::describe(event)) {
                if (letter < ' ' || letter > '~') {
                    std::abort();
                }
            }
        }
        (void)dsmil::attest::replay(*log);
    }
    return 0;
}
