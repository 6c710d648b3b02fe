// SPDX-License-Identifier: Apache-2.0
#include "tpm/certify.hpp"

#include "base/sha256.hpp"
#include "tpm/public_key.hpp"

#include <algorithm>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;

Result<TPM2B_DATA> qualifying(ByteView nonce) {
    TPM2B_DATA data{};
    if (nonce.size() > sizeof(Hash)) {
        return fail(Code::usage, "a nonce has at most 32 bytes");
    }
    data.size = static_cast<UINT16>(nonce.size());
    std::ranges::copy(nonce, data.buffer);
    return data;
}

TPMT_SIG_SCHEME scheme_of_the_key() {
    TPMT_SIG_SCHEME scheme{};
    scheme.scheme = TPM2_ALG_NULL;
    return scheme;
}

Result<Statement> statement_of(const TPM2B_ATTEST &attest, const TPMT_SIGNATURE &signature) {
    return marshal(signature).transform([&](Bytes encoded) {
        return Statement{Bytes(attest.attestationData, attest.attestationData + attest.size),
                         std::move(encoded)};
    });
}

} // namespace

// Two keys authorise it, and a session authorises once in a command: the second gets one of its own.
Result<Statement> certify_key(Tpm &tpm, ESYS_TR key, ByteView nonce) {
    const auto data = qualifying(nonce);
    const auto second = Session::start(tpm.context(), tpm.root().handle(), Session::Kind::hmac);
    if (!data || !second) {
        return std::unexpected(!data ? data.error() : second.error());
    }
    const auto scheme = scheme_of_the_key();
    TPM2B_ATTEST *attest = nullptr;
    TPMT_SIGNATURE *signature = nullptr;
    auto made = tpm.context().run(
        "Certify", "certifying a key",
        [&](ESYS_CONTEXT *esys) {
            return Esys_Certify_Async(esys, key, tpm.key(Purpose::attestation).handle(),
                                      tpm.session().handle(Protect::both), second->handle(), none, &*data,
                                      &scheme);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_Certify_Finish(esys, &attest, &signature); });
    const EsysPtr<TPM2B_ATTEST> owned_attest(attest);
    const EsysPtr<TPMT_SIGNATURE> owned_signature(signature);
    return made ? statement_of(*attest, *signature) : std::unexpected(std::move(made.error()));
}

Result<Statement> certify_index(Tpm &tpm, const NvIndex &index, ByteView nonce) {
    const auto data = qualifying(nonce);
    const auto second = Session::start(tpm.context(), tpm.root().handle(), Session::Kind::hmac);
    if (!data || !second) {
        return std::unexpected(!data ? data.error() : second.error());
    }
    const auto scheme = scheme_of_the_key();
    TPM2B_ATTEST *attest = nullptr;
    TPMT_SIGNATURE *signature = nullptr;
    auto made = tpm.context().run(
        "NV_Certify", "certifying an NV index",
        [&](ESYS_CONTEXT *esys) {
            return Esys_NV_Certify_Async(esys, tpm.key(Purpose::attestation).handle(), index.handle(),
                                         index.handle(), tpm.session().handle(Protect::both),
                                         second->handle(), none, &*data, &scheme,
                                         index.public_area().dataSize, 0);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_NV_Certify_Finish(esys, &attest, &signature); });
    const EsysPtr<TPM2B_ATTEST> owned_attest(attest);
    const EsysPtr<TPMT_SIGNATURE> owned_signature(signature);
    return made ? statement_of(*attest, *signature) : std::unexpected(std::move(made.error()));
}

} // namespace dsmil::tpm
