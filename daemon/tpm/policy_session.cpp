// SPDX-License-Identifier: Apache-2.0
#include "tpm/policy_session.hpp"

#include "tpm/nv.hpp"
#include "tpm/object_name.hpp"
#include "tpm/pcr.hpp"
#include "tpm/public_key.hpp"
#include "tpm/seal.hpp"

#include <algorithm>
#include <format>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;

template <typename Sized>
Sized sized(ByteView bytes) {
    Sized value{};
    value.size = static_cast<UINT16>(bytes.size());
    std::ranges::copy(bytes, value.buffer);
    return value;
}

// For most of these commands "the value is wrong" means that the policy does not hold.
Result<void> judge(TSS2_RC code, std::string_view what) {
    if (code == TSS2_RC_SUCCESS) {
        return {};
    }
    auto error = tpm_error(std::string(what), code);
    if ((said_by_tpm(code) & 0x0BFU) == TPM2_RC_VALUE) {
        error.error().code = Code::tpm_policy;
    }
    return error;
}

Result<Object> load_external(Context &context, const TPM2B_PUBLIC &key) {
    ESYS_TR handle = none;
    auto loaded = context.run(
        "LoadExternal", "loading the approver's key",
        [&](ESYS_CONTEXT *esys) {
            return Esys_LoadExternal_Async(esys, none, none, none, nullptr, &key, ESYS_TR_RH_OWNER);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_LoadExternal_Finish(esys, &handle); });
    if (!loaded) {
        return std::unexpected(std::move(loaded.error()));
    }
    return Object(context, handle);
}

// The TPM's own word that the signature is good.
Result<EsysPtr<TPMT_TK_VERIFIED>> ticket_for(Context &context, const TPM2B_PUBLIC &key, const Hash &approved,
                                             ByteView signature) {
    auto parsed = parse_signature(key.publicArea, signature);
    if (!parsed) {
        return std::unexpected(std::move(parsed.error()));
    }
    parsed->signature.ecdsa.hash = TPM2_ALG_SHA256; // The key itself names no scheme.
    auto object = load_external(context, key);
    if (!object) {
        return std::unexpected(std::move(object.error()));
    }
    const auto digest = sized<TPM2B_DIGEST>(approved);
    TPMT_TK_VERIFIED *ticket = nullptr;
    auto verified = context.run(
        "VerifySignature", "verifying the approval",
        [&](ESYS_CONTEXT *esys) {
            return Esys_VerifySignature_Async(esys, object->handle(), none, none, none, &digest, &*parsed);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_VerifySignature_Finish(esys, &ticket); });
    if (!verified) {
        return std::unexpected(std::move(verified.error()));
    }
    return EsysPtr<TPMT_TK_VERIFIED>(ticket);
}

} // namespace

Result<PolicySession> PolicySession::start(Tpm &tpm) {
    auto session = Session::start(tpm.context(), tpm.root().handle(), Session::Kind::policy);
    if (!session) {
        return std::unexpected(std::move(session.error()));
    }
    return PolicySession(tpm.context(), std::move(*session));
}

Result<void> PolicySession::pcr(const std::vector<unsigned> &pcrs) {
    const TPM2B_DIGEST as_they_are{};
    const TPML_PCR_SELECTION selection = selection_of(pcrs);
    return judge(context_->ask(
                     "PolicyPCR",
                     [&](ESYS_CONTEXT *esys) {
                         return Esys_PolicyPCR_Async(esys, session_.handle(), none, none, none, &as_they_are,
                                                     &selection);
                     },
                     [](ESYS_CONTEXT *esys) { return Esys_PolicyPCR_Finish(esys); }),
                 "showing the PCRs");
}

Result<void> PolicySession::auth_value() {
    return judge(context_->ask(
                     "PolicyAuthValue",
                     [&](ESYS_CONTEXT *esys) {
                         return Esys_PolicyAuthValue_Async(esys, session_.handle(), none, none, none);
                     },
                     [](ESYS_CONTEXT *esys) { return Esys_PolicyAuthValue_Finish(esys); }),
                 "promising a secret");
}

Result<void> PolicySession::any_of(std::span<const Hash> policies) {
    TPML_DIGEST list{};
    if (policies.size() < 2 || policies.size() > std::size(list.digests)) {
        return fail(Code::usage, "a choice of policies is of two to eight");
    }
    for (const auto &one : policies) {
        list.digests[list.count++] = sized<TPM2B_DIGEST>(one);
    }
    return judge(context_->ask(
                     "PolicyOR",
                     [&](ESYS_CONTEXT *esys) {
                         return Esys_PolicyOR_Async(esys, session_.handle(), none, none, none, &list);
                     },
                     [](ESYS_CONTEXT *esys) { return Esys_PolicyOR_Finish(esys); }),
                 "choosing between state and recovery: neither of them holds");
}

Result<void> PolicySession::authorize(const Approver &approver, const Approval &approval) {
    const auto key = external_key(approver.spki);
    const auto name = key.and_then([](const TPM2B_PUBLIC &area) { return name_of(area.publicArea); });
    if (!name) {
        return std::unexpected(name.error());
    }
    const auto ticket = ticket_for(
        *context_, *key, policy::to_be_approved(approval.policy, approver.reference), approval.signature);
    if (!ticket) {
        return std::unexpected(ticket.error());
    }
    const auto approved = sized<TPM2B_DIGEST>(approval.policy);
    const auto reference = sized<TPM2B_NONCE>(approver.reference);
    TPM2B_NAME signer{};
    signer.size = static_cast<UINT16>(name->size());
    std::ranges::copy(*name, signer.name);
    return judge(context_->ask(
                     "PolicyAuthorize",
                     [&](ESYS_CONTEXT *esys) {
                         return Esys_PolicyAuthorize_Async(esys, session_.handle(), none, none, none,
                                                           &approved, &reference, &signer, ticket->get());
                     },
                     [](ESYS_CONTEXT *esys) { return Esys_PolicyAuthorize_Finish(esys); }),
                 "showing the approval: it is for another state than this one");
}

Result<void> PolicySession::nv(Tpm &tpm, const NvCondition &condition) {
    const auto index = find_index(tpm, condition.index, {});
    if (!index || !*index) {
        return !index ? std::unexpected(index.error())
                      : Result<void>(fail(Code::tpm_policy,
                                          std::format("the NV index 0x{:08X} is gone", condition.index)));
    }
    TPM2B_OPERAND operand{};
    if (condition.operand.size() > sizeof(operand.buffer)) {
        return fail(Code::usage, "the operand is too long");
    }
    operand = sized<TPM2B_OPERAND>(condition.operand);
    const auto operation = static_cast<TPM2_EO>(condition.comparison);
    const TSS2_RC code = context_->ask(
        "PolicyNV",
        [&](ESYS_CONTEXT *esys) {
            return Esys_PolicyNV_Async(esys, (*index)->handle(), (*index)->handle(), session_.handle(),
                                       tpm.session().handle(Protect::request), none, none, &operand, 0,
                                       operation);
        },
        [](ESYS_CONTEXT *esys) { return Esys_PolicyNV_Finish(esys); });
    return judge(code, std::format("comparing NV index 0x{:08X}", condition.index));
}

Result<void> PolicySession::hierarchy_secret(Tpm &tpm, ESYS_TR hierarchy) {
    const TPM2B_NONCE no_nonce{};
    const TPM2B_DIGEST no_parameters{};
    return context_->run(
        "PolicySecret", "authorising as the hierarchy",
        [&](ESYS_CONTEXT *esys) {
            return Esys_PolicySecret_Async(esys, hierarchy, session_.handle(), tpm.session().handle(), none,
                                           none, &no_nonce, &no_parameters, &no_nonce, 0);
        },
        [](ESYS_CONTEXT *esys) { return Esys_PolicySecret_Finish(esys, nullptr, nullptr); });
}

Result<Hash> PolicySession::digest() {
    TPM2B_DIGEST *given = nullptr;
    auto got = context_->run(
        "PolicyGetDigest", "asking what was shown",
        [&](ESYS_CONTEXT *esys) {
            return Esys_PolicyGetDigest_Async(esys, session_.handle(), none, none, none);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_PolicyGetDigest_Finish(esys, &given); });
    const EsysPtr<TPM2B_DIGEST> owned(given);
    Hash digest{};
    if (!got || given->size != digest.size()) {
        return !got ? std::unexpected(std::move(got.error()))
                    : Result<Hash>(fail(Code::tpm_failed, "a policy digest of another size"));
    }
    std::copy_n(given->buffer, digest.size(), digest.begin());
    return digest;
}

} // namespace dsmil::tpm
