// SPDX-License-Identifier: Apache-2.0
#include "tpm/session.hpp"

namespace dsmil::tpm {
namespace {

TPM2_SE type_of(Session::Kind kind) {
    switch (kind) {
    case Session::Kind::policy:
        return TPM2_SE_POLICY;
    case Session::Kind::trial:
        return TPM2_SE_TRIAL;
    default:
        return TPM2_SE_HMAC;
    }
}

TPMA_SESSION attributes_for(Protect protect) {
    const auto bits = static_cast<unsigned>(protect);
    TPMA_SESSION attributes = TPMA_SESSION_CONTINUESESSION;
    if ((bits & static_cast<unsigned>(Protect::request)) != 0) {
        attributes |= TPMA_SESSION_DECRYPT; // the TPM decrypts it
    }
    if ((bits & static_cast<unsigned>(Protect::answer)) != 0) {
        attributes |= TPMA_SESSION_ENCRYPT;
    }
    if ((bits & static_cast<unsigned>(Protect::authentic)) != 0) {
        attributes |= TPMA_SESSION_AUDIT; // what a session is there for that does nothing else
    }
    return attributes;
}

} // namespace

Result<Session> Session::start(Context &context, ESYS_TR salt_key, Kind kind) {
    TPMT_SYM_DEF symmetric{};
    symmetric.algorithm = TPM2_ALG_AES;
    symmetric.keyBits.aes = 128;
    symmetric.mode.aes = TPM2_ALG_CFB;
    if (salt_key == ESYS_TR_NONE) {
        symmetric = {};
        symmetric.algorithm = TPM2_ALG_NULL;
    }
    ESYS_TR handle = ESYS_TR_NONE;
    auto started = context.run(
        "StartAuthSession", "starting a session",
        [&](ESYS_CONTEXT *esys) {
            return Esys_StartAuthSession_Async(esys, salt_key, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                               ESYS_TR_NONE, nullptr, type_of(kind), &symmetric,
                                               TPM2_ALG_SHA256);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_StartAuthSession_Finish(esys, &handle); });
    if (!started) {
        return std::unexpected(std::move(started.error()));
    }
    return Session(context, Object(context, handle));
}

ESYS_TR Session::handle(Protect protect) const {
    static_cast<void>(context_->local([&](ESYS_CONTEXT *esys) {
        return Esys_TRSess_SetAttributes(esys, object_.handle(), attributes_for(protect), 0xFF);
    }));
    return object_.handle();
}

} // namespace dsmil::tpm
