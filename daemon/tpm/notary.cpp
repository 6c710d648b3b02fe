// SPDX-License-Identifier: Apache-2.0
#include "tpm/notary.hpp"

#include "tpm/anchor.hpp"
#include "tpm/certify.hpp"
#include "tpm/quote.hpp"
#include "tpm/tpm.hpp"

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

void Notary::run(Operation operation, Then<Result<ledger::AnchorMemory>> then) {
    tpm_.run<ledger::AnchorMemory>(Urgency::checkpoint, usual_deadline, std::move(operation),
                                   std::move(then));
}

void Notary::recall(Then<Result<ledger::AnchorMemory>> then) {
    run([](Tpm &tpm) { return read_anchor(tpm); }, std::move(then));
}

void Notary::prepare(Then<Result<ledger::AnchorMemory>> then) {
    run([](Tpm &tpm) { return define_anchor(tpm); }, std::move(then));
}

void Notary::extend(const Hash &before, const Hash &digest, Then<Result<ledger::AnchorMemory>> then) {
    run([before, digest](Tpm &tpm) { return extend_anchor(tpm, before, digest); }, std::move(then));
}

void Notary::count(std::optional<std::uint64_t> before, Then<Result<ledger::AnchorMemory>> then) {
    run([before](Tpm &tpm) { return count_anchor(tpm, before); }, std::move(then));
}

void Notary::certify(Bytes nonce, Then<Result<ledger::AnchorEvidence>> then) {
    tpm_.run<ledger::AnchorEvidence>(
        Urgency::quote, usual_deadline,
        [nonce = std::move(nonce)](Tpm &tpm) { return certify_anchor(tpm, nonce); }, std::move(then));
}

} // namespace dsmil::tpm
