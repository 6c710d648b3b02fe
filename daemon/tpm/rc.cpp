// SPDX-License-Identifier: Apache-2.0
#include "tpm/rc.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tpm2_types.h>
#include <utility>

namespace dsmil::tpm {
namespace {

struct Meaning {
    std::uint32_t number; // without the number of the parameter, handle or session
    std::string_view kind;
    Code code;
    std::string_view help;
};

constexpr std::string_view wrong_secret =
    "the secret does not fit: the key was made with another one, or a hierarchy has a password that dsmild "
    "was not given (systemd credentials dsmil.*)";

// TPM 2.0 Library, Part 2, 6.6.3; in the order of that table.
constexpr std::array meanings = {
    Meaning{TPM2_RC_LOCKOUT, "lockout", Code::tpm_locked_out,
            "wrong authorisations of other programs, or power cuts, led to it"},
    Meaning{TPM2_RC_AUTH_FAIL, "auth", Code::tpm_auth, wrong_secret},
    Meaning{TPM2_RC_BAD_AUTH, "auth", Code::tpm_auth, wrong_secret},
    Meaning{TPM2_RC_AUTH_MISSING, "auth", Code::tpm_auth, "the command needs an authorisation"},
    Meaning{TPM2_RC_AUTH_UNAVAILABLE, "policy", Code::tpm_policy,
            "the object opens by its policy only, not by a secret"},
    Meaning{TPM2_RC_POLICY_FAIL, "policy", Code::tpm_policy, ""},
    Meaning{TPM2_RC_POLICY, "policy", Code::tpm_policy, ""},
    Meaning{TPM2_RC_PCR_CHANGED, "policy", Code::tpm_policy, "a PCR was extended in the meantime"},
    Meaning{TPM2_RC_SIGNATURE, "signature", Code::attestation_failed, ""},
    Meaning{TPM2_RC_INTEGRITY, "integrity", Code::tpm_failed,
            "the key was made by another TPM, or the TPM was cleared since: move the key files of the state "
            "directory away to make new keys"},
    Meaning{TPM2_RC_COMMAND_CODE, "unsupported", Code::tpm_unsupported, "the chip has no such command"},
    Meaning{TPM2_RC_ASYMMETRIC, "unsupported", Code::tpm_unsupported, ""},
    Meaning{TPM2_RC_CURVE, "unsupported", Code::tpm_unsupported, "the chip does not have the curve"},
    Meaning{TPM2_RC_KEY_SIZE, "unsupported", Code::tpm_unsupported, "the chip has no keys of this size"},
    Meaning{TPM2_RC_SYMMETRIC, "unsupported", Code::tpm_unsupported, ""},
    Meaning{TPM2_RC_MODE, "unsupported", Code::tpm_unsupported, ""},
    Meaning{TPM2_RC_NV_RATE, "nv_rate", Code::try_again,
            "the TPM limits how often its memory is written: wait a minute"},
    Meaning{TPM2_RC_NV_SPACE, "nv_space", Code::tpm_failed,
            "the TPM's memory is full: tpm2_getcap handles-nv-index and handles-persistent show by what"},
    Meaning{TPM2_RC_NV_DEFINED, "nv", Code::exists, "the index is defined already"},
    Meaning{TPM2_RC_NV_UNINITIALIZED, "nv", Code::not_found, "the index was never written"},
    Meaning{TPM2_RC_RETRY, "busy", Code::try_again, "the TPM is busy: try again in a few seconds"},
    Meaning{TPM2_RC_TESTING, "busy", Code::try_again, "the TPM tests itself: try again in a few seconds"},
    Meaning{TPM2_RC_YIELDED, "busy", Code::try_again, "the TPM is busy: try again in a few seconds"},
    Meaning{TPM2_RC_INITIALIZE, "reset", Code::try_again,
            "the TPM was reset and the firmware did not start it: suspend and resume, or boot again"},
    Meaning{TPM2_RC_FAILURE, "failure_mode", Code::tpm_failed,
            "the TPM found a fault in itself and stops until the machine is switched off"},
};

// Format-one codes carry the number of the session, handle or parameter in other bits.
std::uint32_t without_place(std::uint32_t number) {
    return (number & TPM2_RC_FMT1) != 0 ? number & 0x0BFU : number;
}

const Meaning *meaning_of(TSS2_RC code) {
    const std::uint32_t number = without_place(said_by_tpm(code));
    const auto *found = std::ranges::find(meanings, number, &Meaning::number);
    return found != meanings.end() ? found : nullptr;
}

// The answer came whole, but its HMAC is not that of the session.
bool is_forged(TSS2_RC code) {
    return (code & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_RSP_AUTH_FAILED && said_by_tpm(code) == 0;
}

// There was an answer, and it is none that a TPM gives.
bool is_garbage(TSS2_RC code) {
    const TSS2_RC base = code & ~TSS2_RC_LAYER_MASK;
    return base == TSS2_BASE_RC_MALFORMED_RESPONSE || base == TSS2_BASE_RC_INSUFFICIENT_RESPONSE ||
           base == TSS2_BASE_RC_BAD_SIZE || base == TSS2_BASE_RC_BAD_VALUE ||
           base == TSS2_BASE_RC_INSUFFICIENT_BUFFER;
}

} // namespace

std::uint32_t said_by_tpm(TSS2_RC code) {
    const TSS2_RC layer = code & TSS2_RC_LAYER_MASK;
    return layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_TPM_RC_LAYER ? code & 0xFFFFU : 0;
}

bool is_busy(TSS2_RC code) {
    const auto number = said_by_tpm(code);
    return number == TPM2_RC_RETRY || number == TPM2_RC_TESTING || number == TPM2_RC_YIELDED;
}

bool is_forgotten(TSS2_RC code) {
    const auto number = said_by_tpm(code);
    if ((number >= TPM2_RC_REFERENCE_H0 && number <= TPM2_RC_REFERENCE_S6) || number == TPM2_RC_CONTEXT_GAP ||
        number == TPM2_RC_INITIALIZE) {
        return true;
    }
    // A session's handle that is none: TPM_RC_VALUE or TPM_RC_HANDLE of a session.
    const bool about_session =
        (number & TPM2_RC_FMT1) != 0 && (number & TPM2_RC_P) == 0 && (number & TPM2_RC_S) != 0;
    const auto base = without_place(number);
    return about_session && (base == TPM2_RC_VALUE || base == TPM2_RC_HANDLE);
}

bool is_no_handle(TSS2_RC code) {
    const auto number = said_by_tpm(code);
    return without_place(number) == TPM2_RC_HANDLE && !is_forgotten(code);
}

std::string_view error_class(TSS2_RC code) {
    if (said_by_tpm(code) == 0) {
        return is_forged(code) ? "forged" : "transport";
    }
    if (is_forgotten(code)) {
        return "reset";
    }
    const auto *meaning = meaning_of(code);
    return meaning != nullptr ? meaning->kind : "other";
}

std::unexpected<Error> tpm_error(std::string what, TSS2_RC code) {
    std::vector<std::string> causes = {std::format("{} (0x{:x})", Tss2_RC_Decode(code), code)};
    if (said_by_tpm(code) == 0) {
        return fail(is_forged(code)    ? Code::tpm_untrusted
                    : is_garbage(code) ? Code::tpm_failed
                                       : Code::tpm_missing,
                    std::move(what), std::move(causes));
    }
    const auto *meaning = meaning_of(code);
    if (meaning == nullptr) {
        return fail(is_forgotten(code) ? Code::try_again : Code::tpm_failed, std::move(what),
                    std::move(causes));
    }
    if (!meaning->help.empty()) {
        causes.emplace_back(meaning->help);
    }
    return fail(meaning->code, std::move(what), std::move(causes));
}

} // namespace dsmil::tpm
