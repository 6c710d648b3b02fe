// SPDX-License-Identifier: Apache-2.0
// Witness policies: what is read can be asked, and no note satisfies one that needs witnesses whose
// signatures it has not.
#include "ledger/witness_policy.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static const dsmil::ledger::Note note{"example.com/log\n1\nAAAA\n", {{"nobody", 1, {1}}}};
    const auto policy = dsmil::ledger::WitnessPolicy::parse(dsmil::as_text({data, size}));
    if (!policy) {
        return 0;
    }
    const auto quorum = policy->judge(note);
    if (quorum && quorum->reached && quorum->needs_witnesses) {
        std::abort();
    }
    return 0;
}
