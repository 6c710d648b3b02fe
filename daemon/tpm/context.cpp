// SPDX-License-Identifier: Apache-2.0
#include "tpm/context.hpp"

#include <chrono>
#include <cstdlib>
#include <format>
#include <thread>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>
#include <utility>

namespace dsmil::tpm {
namespace {

constexpr unsigned busy_tries = 100;
constexpr std::chrono::milliseconds busy_pause{20};

// The number as the TPM gave it, whether the resource manager passed it on or not.
std::uint32_t from_tpm(TSS2_RC code) {
    const TSS2_RC layer = code & TSS2_RC_LAYER_MASK;
    return layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_TPM_RC_LAYER ? code & 0xFFFFU : 0;
}

bool is_busy(TSS2_RC code) {
    const auto number = from_tpm(code);
    return number == TPM2_RC_RETRY || number == TPM2_RC_TESTING || number == TPM2_RC_YIELDED;
}

bool is_auth_failure(std::uint32_t number) {
    // Format-one codes carry the number of the session or parameter in other bits.
    const std::uint32_t base = number & 0x0BFU;
    return (number & TPM2_RC_FMT1) != 0 && (base == TPM2_RC_BAD_AUTH || base == TPM2_RC_AUTH_FAIL);
}

std::string_view help_for(std::uint32_t number) {
    if (number == TPM2_RC_LOCKOUT) {
        return "the TPM is locked out after wrong passwords of other programs: wait for the lockout interval "
               "(tpm2_getcap properties-variable) or reset it with tpm2_dictionarylockout --clear-lockout";
    }
    if (is_auth_failure(number)) {
        return "the owner hierarchy has a password: this release needs it to be empty (tpm2_changeauth -c "
               "owner)";
    }
    if ((number & 0x0BFU) == TPM2_RC_INTEGRITY && (number & TPM2_RC_FMT1) != 0) {
        return "the key was made by another TPM, or the TPM was cleared since: move the key files of the "
               "state "
               "directory away to make new keys";
    }
    return {};
}

} // namespace

std::unexpected<Error> tpm_error(std::string what, TSS2_RC code) {
    const bool said_by_tpm = from_tpm(code) != 0;
    std::vector<std::string> causes = {std::format("{} (0x{:x})", Tss2_RC_Decode(code), code)};
    if (const auto help = said_by_tpm ? help_for(from_tpm(code)) : std::string_view{}; !help.empty()) {
        causes.emplace_back(help);
    }
    return fail(said_by_tpm ? Code::tpm_failed : Code::tpm_missing, std::move(what), std::move(causes));
}

void Context::Deleter::operator()(TSS2_TCTI_CONTEXT *tcti) const {
    Tss2_TctiLdr_Finalize(&tcti);
}
void Context::Deleter::operator()(ESYS_CONTEXT *esys) const {
    Esys_Finalize(&esys);
}

Result<Context> Context::open(const std::string &tcti) {
    Context context;
    TSS2_TCTI_CONTEXT *loaded = nullptr;
    if (const TSS2_RC code = Tss2_TctiLdr_Initialize(tcti.c_str(), &loaded); code != TSS2_RC_SUCCESS) {
        return tpm_error(std::format("opening the TPM \"{}\"", tcti), code);
    }
    context.tcti_.reset(loaded);
    ESYS_CONTEXT *esys = nullptr;
    if (const TSS2_RC code = Esys_Initialize(&esys, loaded, nullptr); code != TSS2_RC_SUCCESS) {
        return tpm_error(std::format("opening the TPM \"{}\"", tcti), code);
    }
    context.esys_.reset(esys);
    return context;
}

Result<void> Context::call(std::string_view what, const std::function<TSS2_RC(ESYS_CONTEXT *)> &command) {
    TSS2_RC code = command(esys_.get());
    for (unsigned tries = 1; is_busy(code) && tries < busy_tries; tries++) {
        std::this_thread::sleep_for(busy_pause);
        code = command(esys_.get());
    }
    if (code != TSS2_RC_SUCCESS) {
        return tpm_error(std::string(what), code);
    }
    return {};
}

Transient::~Transient() {
    if (handle_ != ESYS_TR_NONE) {
        // When it fails the connection is gone, and the resource manager flushes for us.
        [[maybe_unused]] const auto flushed = context_->call(
            "flushing", [this](ESYS_CONTEXT *esys) { return Esys_FlushContext(esys, handle_); });
    }
}

} // namespace dsmil::tpm
