// SPDX-License-Identifier: Apache-2.0
// The vector engine: messages cut out of the input anyhow have the digests that OpenSSL gives
// them, in every tier; a list of processors is read or refused, and spells itself the same.
#include "accel/hashing.hpp"
#include "accel/topology.hpp"
#include "base/sha256.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

using dsmil::ByteView;
using dsmil::Hash;

void check_digests(ByteView input) {
    // Each byte of the first half is a message's length times a step, the second half is their content.
    const auto lengths = input.first(input.size() / 2);
    const auto content = input.subspan(input.size() / 2);
    std::vector<ByteView> messages;
    std::size_t at = 0;
    for (const auto length : lengths) {
        const std::size_t start = content.empty() ? 0 : at++ % content.size();
        messages.push_back(content.subspan(start, std::min<std::size_t>(content.size() - start, length)));
    }
    for (const auto tier : dsmil::accel::all_tiers) {
        if (!has_tier(dsmil::accel::features(), tier)) {
            continue;
        }
        const dsmil::accel::Hashing hashing(tier);
        std::vector<Hash> digests(messages.size());
        std::vector<Hash> leaves(messages.size());
        if (!hashing.hash_many(messages, digests) || !hashing.leaf_hashes(messages, leaves)) {
            std::abort();
        }
        const std::uint8_t zero = 0;
        for (std::size_t i = 0; i < messages.size(); i++) {
            if (digests[i] != dsmil::sha256(messages[i]) ||
                leaves[i] != dsmil::sha256({ByteView(&zero, 1), messages[i]})) {
                std::abort();
            }
        }
    }
}

void check_list(ByteView input) {
    const auto list = dsmil::accel::parse_cpu_list(dsmil::as_text(input));
    if (!list) {
        return;
    }
    for (std::size_t i = 0; i < list->size(); i++) {
        if ((*list)[i] > dsmil::accel::max_cpu || (i > 0 && (*list)[i] <= (*list)[i - 1])) {
            std::abort();
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    check_digests({data, size});
    check_list({data, size});
    return 0;
}
