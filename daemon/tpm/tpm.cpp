// SPDX-License-Identifier: Apache-2.0
#include "tpm/tpm.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <format>
#include <openssl/ec.h>
#include <tss2/tss2_mu.h>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;
constexpr ESYS_TR no_password = ESYS_TR_PASSWORD;
constexpr unsigned quote_tries = 5; // while PCRs move; each costs a signature

TPML_PCR_SELECTION selection_of(const std::vector<unsigned> &pcrs) {
    TPML_PCR_SELECTION selection{};
    selection.count = 1;
    auto &bank = selection.pcrSelections[0];
    bank.hash = TPM2_ALG_SHA256;
    bank.sizeofSelect = pcr_count / 8;
    for (const unsigned pcr : pcrs) {
        bank.pcrSelect[pcr / 8] |= static_cast<BYTE>(1U << (pcr % 8));
    }
    return selection;
}

std::vector<unsigned> pcrs_of(const TPML_PCR_SELECTION &selection) {
    std::vector<unsigned> pcrs;
    const auto &bank = selection.pcrSelections[0];
    for (unsigned pcr = 0; selection.count == 1 && pcr < bank.sizeofSelect * 8U; pcr++) {
        if ((bank.pcrSelect[pcr / 8] >> (pcr % 8) & 1U) != 0) {
            pcrs.push_back(pcr);
        }
    }
    return pcrs;
}

Result<Bytes> to_der(const TPMT_SIGNATURE &signature) {
    ECDSA_SIG *parts = ECDSA_SIG_new();
    const auto &[hash, r, s] = signature.signature.ecdsa;
    ECDSA_SIG_set0(parts, BN_bin2bn(r.buffer, r.size, nullptr), BN_bin2bn(s.buffer, s.size, nullptr));
    unsigned char *der = nullptr;
    const int length = i2d_ECDSA_SIG(parts, &der);
    ECDSA_SIG_free(parts);
    if (length <= 0) {
        return fail(Code::tpm_failed, "the TPM gave a signature that is none");
    }
    Bytes encoded(der, der + length);
    OPENSSL_free(der);
    return encoded;
}

Result<Bytes> marshal(const TPMT_SIGNATURE &signature) {
    Bytes bytes(sizeof(TPMT_SIGNATURE));
    std::size_t size = 0;
    if (Tss2_MU_TPMT_SIGNATURE_Marshal(&signature, bytes.data(), bytes.size(), &size) != 0) {
        return fail(Code::tpm_failed, "the TPM gave a signature that is none");
    }
    bytes.resize(size);
    return bytes;
}

// Four characters in a number, as TPM_PT_MANUFACTURER has them.
std::string characters(std::uint32_t value) {
    std::string text;
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        const auto c = static_cast<char>(value >> (shift - 8) & 0xFFU);
        if (std::isgraph(static_cast<unsigned char>(c)) != 0) {
            text += c;
        }
    }
    return text;
}

} // namespace

Result<std::unique_ptr<Tpm>> Tpm::open(const std::string &tcti, const std::string &state_dir) {
    auto context = Context::open(tcti);
    if (!context) {
        return std::unexpected(std::move(context.error()));
    }
    std::unique_ptr<Tpm> tpm(new Tpm(std::move(*context))); // The constructor is private.
    if (auto known = tpm->read_identity(); !known) {
        return std::unexpected(std::move(known.error()));
    }
    const auto root = create_storage_root(tpm->context_);
    if (!root) {
        return std::unexpected(root.error());
    }
    for (auto [purpose, place] : {std::pair(Purpose::attestation, &tpm->attestation_),
                                  std::pair(Purpose::checkpoint, &tpm->checkpoint_)}) {
        auto key = Key::load_or_create(tpm->context_, root->handle(), purpose, state_dir);
        if (!key) {
            return std::unexpected(std::move(key.error()));
        }
        *place = std::make_unique<Key>(std::move(*key));
    }
    return tpm;
}

Result<void> Tpm::read_identity() {
    TPMS_CAPABILITY_DATA *data = nullptr;
    auto asked = context_.call("asking the TPM who it is", [&](ESYS_CONTEXT *esys) {
        return Esys_GetCapability(esys, none, none, none, TPM2_CAP_TPM_PROPERTIES, TPM2_PT_MANUFACTURER,
                                  TPM2_PT_FIRMWARE_VERSION_2 - TPM2_PT_MANUFACTURER + 1, nullptr, &data);
    });
    const EsysPtr<TPMS_CAPABILITY_DATA> owned(data);
    if (!asked) {
        return asked;
    }
    std::uint32_t high = 0;
    std::uint32_t low = 0;
    const auto &properties = data->data.tpmProperties;
    for (std::uint32_t i = 0; i < properties.count; i++) {
        const auto &[name, value] = properties.tpmProperty[i];
        if (name == TPM2_PT_MANUFACTURER) {
            manufacturer_ = characters(value);
        } else if (name == TPM2_PT_FIRMWARE_VERSION_1) {
            high = value;
        } else if (name == TPM2_PT_FIRMWARE_VERSION_2) {
            low = value;
        }
    }
    firmware_version_ = std::format("{}.{}.{}.{}", high >> 16U, high & 0xFFFFU, low >> 16U, low & 0xFFFFU);
    return {};
}

Result<Bytes> Tpm::sign(const Hash &digest) {
    TPM2B_DIGEST input{};
    input.size = digest.size();
    std::ranges::copy(digest, input.buffer);
    TPMT_SIGNATURE *signature = nullptr;
    auto made = context_.call("signing a checkpoint", [&](ESYS_CONTEXT *esys) {
        TPMT_SIG_SCHEME scheme{};
        scheme.scheme = TPM2_ALG_NULL; // the key has one
        TPMT_TK_HASHCHECK ticket{};
        ticket.tag = TPM2_ST_HASHCHECK;
        ticket.hierarchy = TPM2_RH_NULL;
        return Esys_Sign(esys, checkpoint_->handle(), no_password, none, none, &input, &scheme, &ticket,
                         &signature);
    });
    const EsysPtr<TPMT_SIGNATURE> owned(signature);
    if (!made) {
        return std::unexpected(std::move(made.error()));
    }
    return to_der(*signature);
}

Result<Quote> Tpm::quote(ByteView nonce, const std::vector<unsigned> &pcrs) {
    Result<QuoteBundle> bundle = fail(Code::internal, "no try");
    for (unsigned tries = 0; tries < quote_tries; tries++) {
        bundle = quote_once(nonce, pcrs);
        if (!bundle) {
            return std::unexpected(std::move(bundle.error()));
        }
        // Our own verifier says whether the values are those that were quoted.
        const auto verified = verify_quote(*bundle, nonce, pcrs);
        if (verified) {
            return Quote{std::move(*bundle), manufacturer_, firmware_version_};
        }
        bundle = std::unexpected(verified.error());
    }
    return std::unexpected(std::move(bundle.error()).in(std::format("quoting, {} times", quote_tries)));
}

Result<QuoteBundle> Tpm::quote_once(ByteView nonce, const std::vector<unsigned> &pcrs) {
    TPM2B_DATA qualifying{};
    qualifying.size = static_cast<UINT16>(nonce.size());
    std::ranges::copy(nonce, qualifying.buffer);
    const TPML_PCR_SELECTION selection = selection_of(pcrs);
    TPM2B_ATTEST *quoted = nullptr;
    TPMT_SIGNATURE *signature = nullptr;
    auto made = context_.call("quoting", [&](ESYS_CONTEXT *esys) {
        TPMT_SIG_SCHEME scheme{};
        scheme.scheme = TPM2_ALG_NULL; // the key has one
        return Esys_Quote(esys, attestation_->handle(), no_password, none, none, &qualifying, &scheme,
                          &selection, &quoted, &signature);
    });
    const EsysPtr<TPM2B_ATTEST> owned_quoted(quoted);
    const EsysPtr<TPMT_SIGNATURE> owned_signature(signature);
    if (!made) {
        return std::unexpected(std::move(made.error()));
    }
    auto marshalled = marshal(*signature);
    auto values = read_pcrs(pcrs);
    if (!marshalled || !values) {
        return std::unexpected(!marshalled ? std::move(marshalled.error()) : std::move(values.error()));
    }
    const ByteView attest(quoted->attestationData, quoted->size);
    return QuoteBundle{Bytes(attest.begin(), attest.end()), std::move(*marshalled),
                       spki_to_pem(attestation_->spki()), std::move(*values)};
}

Result<std::map<unsigned, Bytes>> Tpm::read_pcrs(const std::vector<unsigned> &pcrs) {
    std::map<unsigned, Bytes> values;
    while (values.size() < pcrs.size()) {
        std::vector<unsigned> wanted;
        std::ranges::copy_if(pcrs, std::back_inserter(wanted),
                             [&](unsigned pcr) { return !values.contains(pcr); });
        const TPML_PCR_SELECTION selection = selection_of(wanted);
        TPML_PCR_SELECTION *given = nullptr;
        TPML_DIGEST *digests = nullptr;
        auto read = context_.call("reading PCRs", [&](ESYS_CONTEXT *esys) { // at most eight at a time
            return Esys_PCR_Read(esys, none, none, none, &selection, nullptr, &given, &digests);
        });
        const EsysPtr<TPML_PCR_SELECTION> owned_given(given);
        const EsysPtr<TPML_DIGEST> owned_digests(digests);
        if (!read) {
            return std::unexpected(std::move(read.error()));
        }
        const auto got = pcrs_of(*given);
        if (got.empty() || got.size() != digests->count) {
            return fail(Code::tpm_failed, "the TPM has no SHA-256 bank of PCRs, or not all of them");
        }
        for (std::size_t i = 0; i < got.size(); i++) {
            const auto &digest = digests->digests[i];
            values[got[i]] = Bytes(digest.buffer, digest.buffer + digest.size);
        }
    }
    return values;
}

} // namespace dsmil::tpm
