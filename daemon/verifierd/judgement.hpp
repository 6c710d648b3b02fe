// SPDX-License-Identifier: Apache-2.0
// Evidence of a machine, judged: the whole list of docs/verify.md. Pure; the
// evidence may be hostile.
#pragma once

#include "attest/checks.hpp"
#include "verifierd/machine.hpp"
#include "verifierd/rules.hpp"

namespace dsmil::verifierd {

// What a machine answers to a question.
struct Evidence {
    Bytes quoted;    // TPMS_ATTEST
    Bytes signature; // TPMT_SIGNATURE
    attest::Pcrs pcrs;
    std::optional<Bytes> event_log;
    std::optional<Bytes> ima;
};

struct Question {
    ByteView nonce;
    std::uint32_t pcrs = 0;
    const Machine *machine = nullptr;
    const Rule *rule = nullptr;
};

// Of a sentence of a finding; names in it are the machine's choice, and a result must fit the store.
inline constexpr std::size_t max_sentence_bytes = 600;

struct Judgement {
    Outcome outcome = Outcome::verified;
    // The parts do not fit together, as when a PCR was extended or the machine was reset while the
    // evidence was gathered: to be asked again before it is believed.
    bool inconclusive = false;
    bool fresh_quote = false; // the quote itself holds: of this TPM, and of now
    attest::Verdict verdict;
    attest::Checks checks;
    std::optional<attest::QuoteReport> report; // with fresh_quote
};

[[nodiscard]] Judgement judge(const Question &question, const Evidence &evidence);

[[nodiscard]] std::vector<unsigned> pcr_list(std::uint32_t pcrs); // ascending

} // namespace dsmil::verifierd
