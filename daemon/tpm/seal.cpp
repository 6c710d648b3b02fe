// SPDX-License-Identifier: Apache-2.0
#include "tpm/seal.hpp"

#include "attest/quote.hpp"
#include "tpm/nv.hpp"
#include "tpm/object_name.hpp"
#include "tpm/pcr.hpp"
#include "tpm/policy_session.hpp"
#include "tpm/public_key.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <iterator>
#include <ranges>
#include <set>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;

Result<void> check(ByteView secret, const SealOptions &options) {
    const std::set<unsigned> distinct(options.pcrs.begin(), options.pcrs.end());
    if (secret.empty() || secret.size() > max_sealed_bytes) {
        return fail(Code::usage, std::format("1 to {} bytes can be sealed", max_sealed_bytes));
    }
    if (distinct.size() != options.pcrs.size() ||
        (!distinct.empty() && *distinct.rbegin() >= attest::pcr_count)) {
        return fail(Code::usage, std::format("PCRs are distinct and below {}", attest::pcr_count));
    }
    if (options.pcrs.empty() && !options.nv) {
        return fail(Code::usage, "without a PCR or an NV index nothing is sealed to any state");
    }
    if (options.recovery.size() > max_secret_bytes ||
        (options.approver && options.approver->reference.size() > sizeof(Hash))) {
        return fail(Code::usage, std::format("a recovery secret, or a reference, of more than {} bytes",
                                             max_secret_bytes));
    }
    return {};
}

std::vector<unsigned> numbers_of(const Sealed &sealed) {
    const auto numbers = std::views::keys(sealed.pcrs);
    return {numbers.begin(), numbers.end()};
}

// The policy of the machine's state.
Result<Hash> state_policy(const Sealed &sealed) {
    Hash digest = policy::nothing;
    if (sealed.approver) {
        const auto name = external_key(sealed.approver->spki).and_then([](const TPM2B_PUBLIC &key) {
            return name_of(key.publicArea);
        });
        if (!name) {
            return std::unexpected(name.error());
        }
        digest = policy::authorize(*name, sealed.approver->reference);
    } else if (!sealed.pcrs.empty()) {
        const auto numbers = numbers_of(sealed);
        digest = policy::pcr(digest, numbers, policy::pcr_digest(sealed.pcrs));
    }
    if (sealed.nv) {
        digest = policy::nv(digest, sealed.nv->name, sealed.nv->operand, 0, sealed.nv->comparison);
    }
    return digest;
}

std::array<Hash, 2> branches(const Hash &state) {
    return {state, policy::auth_value(policy::nothing)};
}

Result<Blobs> create_sealed(Tpm &tpm, ByteView secret, ByteView recovery, const Hash &policy) {
    TPM2B_PUBLIC wanted{};
    wanted.publicArea.type = TPM2_ALG_KEYEDHASH;
    wanted.publicArea.nameAlg = TPM2_ALG_SHA256;
    wanted.publicArea.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA;
    wanted.publicArea.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
    wanted.publicArea.authPolicy.size = static_cast<UINT16>(policy.size());
    std::ranges::copy(policy, wanted.publicArea.authPolicy.buffer);
    return create_key(tpm.parent(), wanted, recovery, secret);
}

// Which PCRs are not what they were.
std::vector<std::string> changes(Tpm &tpm, const Sealed &sealed) {
    const auto numbers = numbers_of(sealed);
    const auto now = read_pcrs(tpm, numbers);
    std::vector<std::string> texts;
    for (const auto &[number, value] : sealed.pcrs) {
        if (now && now->contains(number) && now->at(number) != value) {
            texts.push_back(std::format("PCR {} is {}, and was {} when it was sealed", number,
                                        to_hex(now->at(number)), to_hex(value)));
        }
    }
    return texts;
}

Result<Bytes> open_with(Tpm &tpm, const Sealed &sealed, const PolicySession &session, ByteView secret) {
    auto object = load_key(tpm.parent(), sealed.blobs);
    if (!object) {
        return std::unexpected(std::move(object.error()).in("loading what was sealed"));
    }
    set_secret(tpm.context(), object->handle(), secret);
    // The answer is encrypted by a session that authorises nothing: the policy's own
    // would mix the object's secret into the key, which is not known here when the
    // state opens it (TPM 2.0 Library, Part 1, 21.2).
    TPM2B_SENSITIVE_DATA *data = nullptr;
    auto opened = tpm.context().run(
        "Unseal", "unsealing",
        [&](ESYS_CONTEXT *esys) {
            return Esys_Unseal_Async(esys, object->handle(), session.handle(),
                                     tpm.session().handle(Protect::answer), none);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_Unseal_Finish(esys, &data); });
    const EsysPtr<TPM2B_SENSITIVE_DATA> owned(data);
    if (!opened) {
        return std::unexpected(std::move(opened.error()));
    }
    return Bytes(data->buffer, data->buffer + data->size);
}

Result<void> show_state(Tpm &tpm, PolicySession &session, const Sealed &sealed,
                        const std::optional<Approval> &approval) {
    if (!sealed.pcrs.empty()) {
        const auto numbers = numbers_of(sealed);
        if (auto shown = session.pcr(numbers); !shown) {
            return shown;
        }
    }
    if (sealed.approver) {
        if (!approval) {
            return fail(Code::usage, "it opens with an approval of its approver");
        }
        if (auto shown = session.authorize(*sealed.approver, *approval); !shown) {
            return shown;
        }
    }
    return sealed.nv ? session.nv(tpm, *sealed.nv) : Result<void>{};
}

} // namespace

Result<Sealed> seal(Tpm &tpm, ByteView secret, const SealOptions &options) {
    if (auto right = check(secret, options); !right) {
        return std::unexpected(std::move(right.error()));
    }
    Sealed sealed{{}, {}, options.approver, options.nv, !options.recovery.empty()};
    auto values = read_pcrs(tpm, options.pcrs);
    if (!values) {
        return std::unexpected(std::move(values.error()));
    }
    sealed.pcrs = std::move(*values);
    auto policy = state_policy(sealed);
    if (policy && sealed.recovery) {
        policy = policy::any_of(branches(*policy));
    }
    if (!policy) {
        return std::unexpected(policy.error());
    }
    auto blobs = create_sealed(tpm, secret, options.recovery, *policy);
    if (!blobs) {
        return std::unexpected(std::move(blobs.error()).in("sealing"));
    }
    sealed.blobs = *blobs;
    return sealed;
}

Result<Bytes> unseal(Tpm &tpm, const Sealed &sealed, const std::optional<Approval> &approval) {
    const auto state = state_policy(sealed);
    if (!state) {
        return std::unexpected(state.error());
    }
    auto session = PolicySession::start(tpm);
    if (!session) {
        return std::unexpected(std::move(session.error()));
    }
    auto shown = show_state(tpm, *session, sealed, approval);
    if (shown && sealed.recovery) {
        shown = session->any_of(branches(*state));
    }
    auto opened =
        shown ? open_with(tpm, sealed, *session, {}) : Result<Bytes>(std::unexpected(shown.error()));
    if (!opened && opened.error().code == Code::tpm_policy) {
        std::ranges::copy(changes(tpm, sealed), std::back_inserter(opened.error().causes));
    }
    return opened;
}

Result<Bytes> unseal_with_recovery(Tpm &tpm, const Sealed &sealed, ByteView recovery) {
    if (!sealed.recovery || recovery.empty() || recovery.size() > max_secret_bytes) {
        return fail(Code::usage, sealed.recovery
                                     ? std::format("a recovery secret has 1 to {} bytes", max_secret_bytes)
                                     : "it was sealed without a recovery secret");
    }
    const auto state = state_policy(sealed);
    if (!state) {
        return std::unexpected(state.error());
    }
    auto session = PolicySession::start(tpm);
    if (!session) {
        return std::unexpected(std::move(session.error()));
    }
    auto shown = session->auth_value();
    if (shown) {
        shown = session->any_of(branches(*state));
    }
    return shown ? open_with(tpm, sealed, *session, recovery) : Result<Bytes>(std::unexpected(shown.error()));
}

} // namespace dsmil::tpm
