// SPDX-License-Identifier: Apache-2.0
#include "tpm/context.hpp"

#include "tpm/session_crypto.hpp"
#include "tpm/swtpm_tcti.hpp"

#include <algorithm>
#include <cerrno>
#include <format>
#include <malloc.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <tss2/tss2_tctildr.h>
#include <utility>

namespace dsmil::tpm {
namespace {

constexpr unsigned busy_tries = 100;
constexpr std::chrono::milliseconds busy_pause{20};

// Where an answer shows. A TCTI that cannot say makes us wait inside of it.
std::vector<int> poll_fds(ESYS_CONTEXT *esys) {
    TSS2_TCTI_POLL_HANDLE *handles = nullptr;
    std::size_t count = 0;
    if (Esys_GetPollHandles(esys, &handles, &count) != TSS2_RC_SUCCESS) {
        return {};
    }
    const EsysPtr<TSS2_TCTI_POLL_HANDLE> owned(handles);
    std::vector<int> fds(count);
    std::transform(handles, handles + count, fds.begin(),
                   [](const TSS2_TCTI_POLL_HANDLE &handle) { return handle.fd; });
    return fds;
}

bool wants_another_try(TSS2_RC code) {
    return said_by_tpm(code) == 0 && (code & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_TRY_AGAIN;
}

} // namespace

Result<Tcti> load_tcti(const std::string &tcti) {
    constexpr std::string_view swtpm = "swtpm";
    if (tcti == swtpm || tcti.starts_with("swtpm:")) {
        return open_swtpm(std::string_view(tcti).substr(std::min(swtpm.size() + 1, tcti.size())))
            .transform_error([&](Error error) {
                return std::move(error).in(std::format("opening the TPM \"{}\"", tcti));
            });
    }
    TSS2_TCTI_CONTEXT *loaded = nullptr;
    if (const TSS2_RC code = Tss2_TctiLdr_Initialize(tcti.c_str(), &loaded); code != TSS2_RC_SUCCESS) {
        return tpm_error(std::format("opening the TPM \"{}\"", tcti), code);
    }
    return Tcti(loaded, [](TSS2_TCTI_CONTEXT *context) { Tss2_TctiLdr_Finalize(&context); });
}

void EsysDeleter::operator()(void *memory) const {
    OPENSSL_cleanse(memory, malloc_usable_size(memory));
    Esys_Free(memory);
}

void Context::Deleter::operator()(ESYS_CONTEXT *esys) const {
    Esys_Finalize(&esys);
}

Result<Context> Context::open(const ContextOptions &options, Timings &timings) {
    auto tcti = options.open(options.tcti);
    if (!tcti) {
        return std::unexpected(std::move(tcti.error()));
    }
    Context context(std::move(*tcti), options.answer_limit, timings);
    ESYS_CONTEXT *esys = nullptr;
    if (const TSS2_RC code = Esys_Initialize(&esys, context.tcti_.get(), nullptr); code != TSS2_RC_SUCCESS) {
        return tpm_error(std::format("opening the TPM \"{}\"", options.tcti), code);
    }
    context.esys_.reset(esys);
    ESYS_CRYPTO_CALLBACKS crypto = session_crypto();
    if (const TSS2_RC code = Esys_SetCryptoCallbacks(esys, &crypto); code != TSS2_RC_SUCCESS) {
        return tpm_error("setting up the cryptography of sessions", code);
    }
    context.fds_ = poll_fds(esys);
    // Without anything to poll, _Finish has to block.
    if (context.fds_.empty()) {
        static_cast<void>(Esys_SetTimeout(esys, TSS2_TCTI_TIMEOUT_BLOCK));
    }
    return context;
}

// POLLIN only: the kernel's node is always ready for POLLOUT while it has no
// answer, and a loop over that would spin. Its poll may itself block until the
// command is done, which is why this thread does nothing else.
bool Context::await_answer(std::chrono::steady_clock::time_point until) {
    std::vector<pollfd> fds(fds_.size());
    std::ranges::transform(fds_, fds.begin(), [](int fd) { return pollfd{fd, POLLIN, 0}; });
    int ready = 0;
    do {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        ready = ::poll(fds.data(), fds.size(), static_cast<int>(std::max(left.count(), 0L)));
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

TSS2_RC Context::once(const Step &start, const Step &finish) {
    TSS2_RC code = start(esys_.get());
    if (code != TSS2_RC_SUCCESS) {
        return code;
    }
    const auto until = std::chrono::steady_clock::now() + answer_limit_;
    do {
        if (!fds_.empty() && !await_answer(until)) {
            return TSS2_ESYS_RC_IO_ERROR;
        }
        code = finish(esys_.get()); // which sends the command again when the TPM is busy, some times
    } while (wants_another_try(code));
    return code;
}

TSS2_RC Context::ask(std::string_view name, const Step &start, const Step &finish) {
    const auto began = std::chrono::steady_clock::now();
    TSS2_RC code = once(start, finish);
    for (unsigned tries = 1; is_busy(code) && tries < busy_tries; tries++) {
        ::poll(nullptr, 0, static_cast<int>(busy_pause.count()));
        code = once(start, finish);
    }
    if (said_by_tpm(code) == 0 && code != TSS2_RC_SUCCESS) {
        state_ = State::broken;
    } else if (is_forgotten(code) && state_ == State::usable) {
        state_ = State::forgotten;
    }
    timings_->add(name, std::chrono::steady_clock::now() - began,
                  code == TSS2_RC_SUCCESS ? std::string_view{} : error_class(code));
    return code;
}

Result<void> Context::run(std::string_view name, std::string_view what, const Step &start,
                          const Step &finish) {
    const TSS2_RC code = ask(name, start, finish);
    if (code != TSS2_RC_SUCCESS) {
        return tpm_error(std::string(what), code);
    }
    return {};
}

Result<void> Context::start_up() {
    TPMS_CAPABILITY_DATA *data = nullptr;
    const TSS2_RC code = ask(
        "GetCapability",
        [](ESYS_CONTEXT *esys) {
            return Esys_GetCapability_Async(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                            TPM2_CAP_TPM_PROPERTIES, TPM2_PT_MANUFACTURER, 1);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_GetCapability_Finish(esys, nullptr, &data); });
    const EsysPtr<TPMS_CAPABILITY_DATA> owned(data);
    if (code == TSS2_RC_SUCCESS) {
        return {};
    }
    if (said_by_tpm(code) != TPM2_RC_INITIALIZE) {
        return tpm_error("asking the TPM for a sign of life", code);
    }
    state_ = State::usable; // There was nothing yet that it could have forgotten.
    return run(
        "Startup", "starting the TPM",
        [](ESYS_CONTEXT *esys) { return Esys_Startup_Async(esys, TPM2_SU_CLEAR); },
        [](ESYS_CONTEXT *esys) { return Esys_Startup_Finish(esys); });
}

Object &Object::operator=(Object &&other) noexcept {
    if (this != &other) {
        release();
        context_ = other.context_;
        handle_ = std::exchange(other.handle_, ESYS_TR_NONE);
        kind_ = other.kind_;
    }
    return *this;
}

Object::~Object() {
    release();
}

void Object::release() {
    ESYS_TR handle = std::exchange(handle_, ESYS_TR_NONE);
    if (handle == ESYS_TR_NONE) {
        return;
    }
    if (kind_ == Kind::persistent || !context_->usable()) {
        // A resource manager flushes what a closed connection had loaded.
        static_cast<void>(context_->local([&](ESYS_CONTEXT *esys) { return Esys_TR_Close(esys, &handle); }));
        return;
    }
    static_cast<void>(context_->ask(
        "FlushContext", [&](ESYS_CONTEXT *esys) { return Esys_FlushContext_Async(esys, handle); },
        [](ESYS_CONTEXT *esys) { return Esys_FlushContext_Finish(esys); }));
}

} // namespace dsmil::tpm
