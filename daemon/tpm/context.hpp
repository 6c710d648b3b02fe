// SPDX-License-Identifier: Apache-2.0
// An ESYS connection to a TPM, what it allocates, and its errors in words.
// Inner header of tpm/: the daemon uses service.hpp.
#pragma once

#include "dsmil/error.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tss2/tss2_esys.h>

namespace dsmil::tpm {

// tpm_missing when the way to the TPM failed, tpm_failed when the TPM itself
// said no. The causes say what, and what helps.
[[nodiscard]] std::unexpected<Error> tpm_error(std::string what, TSS2_RC code);

// Whatever ESYS handed out.
struct EsysDeleter {
    void operator()(void *memory) const { Esys_Free(memory); }
};
template <typename T>
using EsysPtr = std::unique_ptr<T, EsysDeleter>;

class Context {
  public:
    // "device:/dev/tpmrm0", "swtpm:path=...": any TCTI that tpm2-tss can load.
    [[nodiscard]] static Result<Context> open(const std::string &tcti);

    // Calls an ESYS function, again while the TPM says that it is busy (ESYS
    // itself gives up after five tries).
    [[nodiscard]] Result<void> call(std::string_view what,
                                    const std::function<TSS2_RC(ESYS_CONTEXT *)> &command);

  private:
    struct Deleter {
        void operator()(TSS2_TCTI_CONTEXT *tcti) const;
        void operator()(ESYS_CONTEXT *esys) const;
    };
    Context() = default;
    std::unique_ptr<TSS2_TCTI_CONTEXT, Deleter> tcti_; // before esys_, which uses it
    std::unique_ptr<ESYS_CONTEXT, Deleter> esys_;
};

// A transient object, flushed at the end. Must not outlive its context.
class Transient {
  public:
    Transient(Context &context, ESYS_TR handle) : context_(&context), handle_(handle) {}
    Transient(Transient &&other) noexcept
        : context_(other.context_), handle_(std::exchange(other.handle_, ESYS_TR_NONE)) {}
    Transient &operator=(Transient &&) = delete;
    ~Transient();
    [[nodiscard]] ESYS_TR handle() const { return handle_; }

  private:
    Context *context_;
    ESYS_TR handle_;
};

} // namespace dsmil::tpm
