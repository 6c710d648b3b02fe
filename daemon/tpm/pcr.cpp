// SPDX-License-Identifier: Apache-2.0
#include "tpm/pcr.hpp"

#include "attest/quote.hpp"

#include <algorithm>
#include <format>
#include <iterator>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;

std::vector<unsigned> pcrs_of(const TPML_PCR_SELECTION &selection) {
    std::vector<unsigned> pcrs;
    const auto &bank = selection.pcrSelections[0];
    if (selection.count != 1 || bank.hash != TPM2_ALG_SHA256) {
        return pcrs;
    }
    for (unsigned pcr = 0; pcr < std::min<unsigned>(bank.sizeofSelect, sizeof(bank.pcrSelect)) * 8; pcr++) {
        if ((bank.pcrSelect[pcr / 8] >> (pcr % 8) & 1U) != 0) {
            pcrs.push_back(pcr);
        }
    }
    return pcrs;
}

} // namespace

TPML_PCR_SELECTION selection_of(const std::vector<unsigned> &pcrs) {
    TPML_PCR_SELECTION selection{};
    selection.count = 1;
    auto &bank = selection.pcrSelections[0];
    bank.hash = TPM2_ALG_SHA256;
    bank.sizeofSelect = attest::pcr_count / 8;
    for (const unsigned pcr : pcrs) {
        bank.pcrSelect[pcr / 8] |= static_cast<BYTE>(1U << (pcr % 8));
    }
    return selection;
}

Result<void> take_pcrs(std::map<unsigned, Bytes> &values, const std::vector<unsigned> &wanted,
                       const TPML_PCR_SELECTION &given, const TPML_DIGEST &digests) {
    const auto got = pcrs_of(given);
    if (got.empty() || got.size() != digests.count) {
        return fail(Code::tpm_unsupported, "the TPM has no SHA-256 bank of PCRs, or not all of them");
    }
    for (std::size_t i = 0; i < got.size(); i++) {
        const auto &digest = digests.digests[i];
        if (!std::ranges::contains(wanted, got[i]) || digest.size != sizeof(Hash)) {
            return fail(Code::tpm_failed,
                        std::format("the TPM answers with PCR {} of {} bytes, which nobody asked for", got[i],
                                    digest.size));
        }
        values[got[i]] = Bytes(digest.buffer, digest.buffer + digest.size);
    }
    return {};
}

Result<std::map<unsigned, Bytes>> read_pcrs(Tpm &tpm, const std::vector<unsigned> &pcrs) {
    std::map<unsigned, Bytes> values;
    while (values.size() < pcrs.size()) {
        std::vector<unsigned> wanted;
        std::ranges::copy_if(pcrs, std::back_inserter(wanted),
                             [&](unsigned pcr) { return !values.contains(pcr); });
        const TPML_PCR_SELECTION selection = selection_of(wanted);
        TPML_PCR_SELECTION *given = nullptr;
        TPML_DIGEST *digests = nullptr;
        auto read = tpm.context().run(
            "PCR_Read", "reading PCRs",
            [&](ESYS_CONTEXT *esys) {
                return Esys_PCR_Read_Async(esys, tpm.session().handle(Protect::authentic), none, none,
                                           &selection);
            },
            [&](ESYS_CONTEXT *esys) { return Esys_PCR_Read_Finish(esys, nullptr, &given, &digests); });
        const EsysPtr<TPML_PCR_SELECTION> owned_given(given);
        const EsysPtr<TPML_DIGEST> owned_digests(digests);
        if (!read) {
            return std::unexpected(std::move(read.error()));
        }
        if (auto taken = take_pcrs(values, wanted, *given, *digests); !taken) {
            return std::unexpected(std::move(taken.error()));
        }
    }
    return values;
}

Result<void> extend_pcr(Tpm &tpm, unsigned pcr, const Hash &digest) {
    if (pcr >= attest::pcr_count) {
        return fail(Code::usage, std::format("there is no PCR {}", pcr));
    }
    TPML_DIGEST_VALUES values{};
    values.count = 1;
    values.digests[0].hashAlg = TPM2_ALG_SHA256;
    std::ranges::copy(digest, values.digests[0].digest.sha256);
    return tpm.context().run(
        "PCR_Extend", std::format("extending PCR {}", pcr),
        [&](ESYS_CONTEXT *esys) {
            return Esys_PCR_Extend_Async(esys, ESYS_TR_PCR0 + pcr, tpm.session().handle(), none, none,
                                         &values);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_PCR_Extend_Finish(esys); });
}

} // namespace dsmil::tpm
