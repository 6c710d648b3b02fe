// SPDX-License-Identifier: Apache-2.0
#include "paper_notary.hpp"

#include "attest/writer.hpp"

#include <numeric>
#include <utility>

namespace dsmil::test {
namespace {

constexpr unsigned boot_pcrs = 16;

std::unexpected<Error> broken() {
    return fail(Code::tpm_failed, "the test's TPM does nothing");
}

} // namespace

std::vector<unsigned> PaperNotary::pcrs() {
    std::vector<unsigned> numbers(boot_pcrs);
    std::iota(numbers.begin(), numbers.end(), 0U);
    return numbers;
}

attest::Pcrs PaperNotary::values() {
    attest::Pcrs values;
    for (const unsigned pcr : pcrs()) {
        values[pcr] = Bytes(sizeof(Hash), static_cast<std::uint8_t>(pcr));
    }
    return values;
}

void PaperNotary::quote(const Hash &digest, Then<Result<ledger::Quote>> then) {
    if (!usable) {
        then(broken());
        return;
    }
    QuoteIngredients in;
    in.nonce = Bytes(digest.begin(), digest.end());
    in.clock_ms = ++tpm.clock_ms;
    in.select = {0xFF, 0xFF, 0};
    in.pcrs = values();
    ledger::Quote quote{.attest = make_quoted(in), .signature = {}, .pcrs = {}};
    quote.signature = ak.sign(quote.attest, attest::Signature::Scheme::ecdsa, attest::HashAlg::sha256);
    for (const auto &[pcr, value] : in.pcrs) {
        quote.pcrs.insert(quote.pcrs.end(), value.begin(), value.end());
    }
    then(std::move(quote));
}

bool PaperNotary::refuse(Then<Result<ledger::AnchorMemory>> &then) const {
    if (!usable) {
        then(broken());
    }
    return !usable;
}

void PaperNotary::recall(Then<Result<ledger::AnchorMemory>> then) {
    if (!refuse(then)) {
        then(tpm.memory);
    }
}

void PaperNotary::prepare(Then<Result<ledger::AnchorMemory>> then) {
    if (refuse(then)) {
        return;
    }
    on_step("defining");
    tpm.memory.has_value = tpm.memory.has_count = true;
    on_step("defined");
    then(tpm.memory);
}

void PaperNotary::extend(const Hash &before, const Hash &digest, Then<Result<ledger::AnchorMemory>> then) {
    if (refuse(then)) {
        return;
    }
    on_step("extending");
    if (tpm.memory.value.value_or(Hash{}) == before) {
        tpm.memory.value = ledger::extended(before, digest);
        tpm.extended++;
    }
    on_step("extended");
    then(tpm.memory);
}

void PaperNotary::count(std::optional<std::uint64_t> before, Then<Result<ledger::AnchorMemory>> then) {
    if (refuse(then)) {
        return;
    }
    on_step("counting");
    if (tpm.memory.count == before) {
        tpm.memory.count = tpm.next_count++;
        tpm.counted++;
    }
    on_step("counted");
    then(tpm.memory);
}

void PaperNotary::certify(Bytes nonce, Then<Result<ledger::AnchorEvidence>> then) {
    if (!usable || !tpm.memory.value || !tpm.memory.count) {
        then(fail(Code::not_found, "nothing was anchored"));
        return;
    }
    then(evidence(nonce));
}

ledger::AnchorEvidence PaperNotary::evidence(ByteView nonce) const {
    attest::Writer count;
    count.number(tpm.memory.count.value());
    return {.value = certification(ledger::anchor_value_public, tpm.memory.value.value(), nonce),
            .count = certification(ledger::anchor_count_public, count.bytes(), nonce),
            .ak_public_pem = ak.pem()};
}

attest::NvCertification PaperNotary::certification(const attest::NvPublic &index, ByteView contents,
                                                   ByteView nonce) const {
    attest::Writer attest;
    attest.number<std::uint32_t>(0xFF544347).number<std::uint16_t>(0x8014).sized(Bytes(34, 3)).sized(nonce);
    attest.number(tpm.clock_ms).number<std::uint32_t>(5).number<std::uint32_t>(2).number<std::uint8_t>(1);
    attest.number<std::uint64_t>(0x0001000200030004).sized(attest::name_of(index));
    attest.number<std::uint16_t>(0).sized(contents);
    return {.attest = attest.bytes(),
            .signature = ak.sign(attest.bytes(), attest::Signature::Scheme::ecdsa, attest::HashAlg::sha256)};
}

} // namespace dsmil::test
