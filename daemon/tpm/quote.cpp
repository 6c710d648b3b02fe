// SPDX-License-Identifier: Apache-2.0
#include "tpm/quote.hpp"

#include "attest/statement.hpp"
#include "tpm/pcr.hpp"
#include "tpm/policy.hpp"
#include "tpm/public_key.hpp"
#include "tpm/service.hpp"

#include <algorithm>
#include <format>
#include <tss2/tss2_mu.h>

namespace dsmil::tpm {
namespace {

constexpr unsigned quote_tries = 5; // while PCRs move; each costs a signature

// Whether these are the values whose digest was quoted. The signature needs no look:
// the session's HMAC says that the answer is the TPM's.
bool are_quoted(const std::map<unsigned, Bytes> &values, ByteView quoted) {
    TPMS_ATTEST attest{};
    std::size_t at = 0;
    if (Tss2_MU_TPMS_ATTEST_Unmarshal(quoted.data(), quoted.size(), &at, &attest) != 0 ||
        attest.type != TPM2_ST_ATTEST_QUOTE) {
        return false;
    }
    const auto &digest = attest.attested.quote.pcrDigest;
    return std::ranges::equal(ByteView(digest.buffer, digest.size), policy::pcr_digest(values));
}

struct Signed {
    EsysPtr<TPM2B_ATTEST> quoted;
    EsysPtr<TPMT_SIGNATURE> signature;
};

Result<Signed> quote_with(Tpm &tpm, const Key &key, ByteView nonce, const std::vector<unsigned> &pcrs) {
    TPM2B_DATA qualifying{};
    qualifying.size = static_cast<UINT16>(nonce.size());
    std::ranges::copy(nonce, qualifying.buffer);
    const TPML_PCR_SELECTION selection = selection_of(pcrs);
    TPMT_SIG_SCHEME scheme{};
    scheme.scheme = TPM2_ALG_NULL; // the key has one
    TPM2B_ATTEST *quoted = nullptr;
    TPMT_SIGNATURE *signature = nullptr;
    auto made = tpm.context().run(
        "Quote", "quoting",
        [&](ESYS_CONTEXT *esys) {
            return Esys_Quote_Async(esys, key.handle(), tpm.session().handle(Protect::both), ESYS_TR_NONE,
                                    ESYS_TR_NONE, &qualifying, &scheme, &selection);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_Quote_Finish(esys, &quoted, &signature); });
    Signed result{EsysPtr<TPM2B_ATTEST>(quoted), EsysPtr<TPMT_SIGNATURE>(signature)};
    if (!made) {
        return std::unexpected(std::move(made.error()));
    }
    return result;
}

Result<attest::QuoteBundle> quote_once(Tpm &tpm, ByteView nonce, const std::vector<unsigned> &pcrs) {
    const Key &key = tpm.key(Purpose::attestation);
    const auto made = quote_with(tpm, key, nonce, pcrs);
    if (!made) {
        return std::unexpected(made.error());
    }
    auto marshalled = marshal(*made->signature);
    auto values = read_pcrs(tpm, pcrs);
    if (!marshalled || !values) {
        return std::unexpected(!marshalled ? std::move(marshalled.error()) : std::move(values.error()));
    }
    const ByteView attest(made->quoted->attestationData, made->quoted->size);
    return attest::QuoteBundle{Bytes(attest.begin(), attest.end()), std::move(*marshalled),
                               spki_to_pem(key.spki()), std::move(*values)};
}

} // namespace

Result<Quote> make_quote(Tpm &tpm, ByteView nonce, const std::vector<unsigned> &pcrs) {
    if (nonce.size() > attest::max_qualifying_bytes || pcrs.empty() ||
        std::ranges::max(pcrs) >= attest::pcr_count) {
        return fail(Code::usage, std::format("a nonce has at most {} bytes, and PCRs are below {}",
                                             attest::max_qualifying_bytes, attest::pcr_count));
    }
    for (unsigned tries = 0; tries < quote_tries; tries++) {
        auto bundle = quote_once(tpm, nonce, pcrs);
        if (!bundle) {
            return std::unexpected(std::move(bundle.error()));
        }
        if (are_quoted(bundle->pcrs, bundle->quoted)) {
            return Quote{std::move(*bundle), tpm.identity().manufacturer, tpm.identity().firmware_version};
        }
    }
    return fail(Code::try_again, std::format("the PCRs moved during {} quotes", quote_tries));
}

Result<void> try_key(Tpm &tpm, const Key &key) {
    return quote_with(tpm, key, as_bytes("dsmild tries its key"), {}).transform([](const Signed &) {});
}

} // namespace dsmil::tpm
