// SPDX-License-Identifier: Apache-2.0
#include "tpm/sign.hpp"

#include "tpm/public_key.hpp"

#include <algorithm>
#include <format>

namespace dsmil::tpm {

Result<TPMT_SIGNATURE> sign_with(Tpm &tpm, ESYS_TR key, ByteView digest) {
    TPM2B_DIGEST input{};
    if (digest.empty() || digest.size() > sizeof(input.buffer)) {
        return fail(Code::usage, std::format("a digest of {} bytes", digest.size()));
    }
    input.size = static_cast<UINT16>(digest.size());
    std::ranges::copy(digest, input.buffer);
    TPMT_SIG_SCHEME scheme{};
    scheme.scheme = TPM2_ALG_NULL; // the key has one
    TPMT_TK_HASHCHECK ticket{};
    ticket.tag = TPM2_ST_HASHCHECK;
    ticket.hierarchy = TPM2_RH_NULL;
    TPMT_SIGNATURE *signature = nullptr;
    auto made = tpm.context().run(
        "Sign", "signing",
        [&](ESYS_CONTEXT *esys) {
            return Esys_Sign_Async(esys, key, tpm.session().handle(Protect::request), ESYS_TR_NONE,
                                   ESYS_TR_NONE, &input, &scheme, &ticket);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_Sign_Finish(esys, &signature); });
    const EsysPtr<TPMT_SIGNATURE> owned(signature);
    if (!made) {
        return std::unexpected(std::move(made.error()));
    }
    return *signature;
}

Result<Bytes> sign(Tpm &tpm, Purpose purpose, const Hash &digest) {
    return sign_with(tpm, tpm.key(purpose).handle(), digest)
        .and_then(signature_bytes)
        .transform_error([&](Error error) {
            return std::move(error).in(std::format("signing with the {}", about(purpose).stem));
        });
}

} // namespace dsmil::tpm
