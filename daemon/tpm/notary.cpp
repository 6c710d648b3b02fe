// SPDX-License-Identifier: Apache-2.0
#include "tpm/notary.hpp"

#include "tpm/quote.hpp"

#include <numeric>
#include <utility>
#include <vector>

namespace dsmil::tpm {
namespace {

constexpr std::size_t boot_pcrs = 16; // 0 to 15: firmware, loader, kernel

} // namespace

void Notary::quote(const Hash &digest, Then<Result<ledger::Quote>> then) {
    tpm_.run<Quote>(
        Urgency::checkpoint, usual_deadline,
        [digest](Tpm &tpm) {
            std::vector<unsigned> pcrs(boot_pcrs);
            std::iota(pcrs.begin(), pcrs.end(), 0U);
            return make_quote(tpm, digest, pcrs);
        },
        [then = std::move(then)](Result<Quote> made) mutable {
            then(std::move(made).transform([](const Quote &quote) {
                ledger::Quote kept{quote.bundle.quoted, quote.bundle.signature, {}};
                for (const auto &[number, value] : quote.bundle.pcrs) {
                    kept.pcrs.insert(kept.pcrs.end(), value.begin(), value.end());
                }
                return kept;
            }));
        });
}

} // namespace dsmil::tpm
