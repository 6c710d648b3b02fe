// SPDX-License-Identifier: Apache-2.0
// Proofs and tiles from strangers: what is read is written the same, and no proof holds for two
// different leaves or two different earlier roots.
#include "ledger/log_source.hpp"
#include "ledger/proof_file.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

namespace ledger = dsmil::ledger;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

// Two numbers, then hashes.
void check(dsmil::ByteView input) {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    if (input.size() < sizeof a + sizeof b) {
        return;
    }
    std::memcpy(&a, input.data(), sizeof a);
    std::memcpy(&b, input.data() + sizeof a, sizeof b);
    input = input.subspan(sizeof a + sizeof b);
    const auto hashes = ledger::parse_tile(input.first(input.size() / 32 * 32));
    if (!hashes || hashes->size() < 2) {
        return;
    }
    const auto &root1 = (*hashes)[0];
    const auto &root2 = (*hashes)[1];
    const auto proof = std::span(*hashes).subspan(2);
    dsmil::Hash other = root1;
    other[0] ^= 1;
    if (ledger::check_inclusion(root1, a, b, root2, proof)) {
        require(!ledger::check_inclusion(other, a, b, root2, proof));
    }
    if (ledger::check_consistency(a, root1, b, root2, proof)) {
        require(!ledger::check_consistency(a, other, b, root2, proof));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const dsmil::ByteView bytes(data, size);
    const auto text = dsmil::as_text(bytes);
    if (const auto file = ledger::InclusionFile::parse(text)) {
        require(file->format() == text);
    }
    if (const auto file = ledger::ConsistencyFile::parse(text)) {
        require(file->format() == text);
    }
    if (const auto bundle = ledger::parse_bundle(bytes, 1)) {
        require(bundle->size() == 1);
    }
    check(bytes);
    return 0;
}
