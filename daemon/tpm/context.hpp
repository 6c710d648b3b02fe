// SPDX-License-Identifier: Apache-2.0
// An ESYS connection to a TPM and what it allocates. For the TPM's own thread,
// which it blocks while the TPM works. Inner header of tpm/: the daemon uses
// service.hpp.
#pragma once

#include "dsmil/error.hpp"
#include "tpm/rc.hpp"
#include "tpm/timing.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tss2/tss2_esys.h>
#include <vector>

namespace dsmil::tpm {

// Whatever ESYS handed out; some of it is secret, so all of it is wiped.
struct EsysDeleter {
    void operator()(void *memory) const;
};
template <typename T>
using EsysPtr = std::unique_ptr<T, EsysDeleter>;

// The way to the TPM, with what ends it.
using Tcti = std::unique_ptr<TSS2_TCTI_CONTEXT, void (*)(TSS2_TCTI_CONTEXT *)>;
using TctiOpener = std::function<Result<Tcti>(const std::string &tcti)>;

// "device:/dev/tpmrm0", any TCTI that tpm2-tss can load; for "swtpm:path=..." one of our own.
[[nodiscard]] Result<Tcti> load_tcti(const std::string &tcti);

struct ContextOptions {
    std::string tcti;
    TctiOpener open = load_tcti; // tests put delays and faults in between
    // The longest command of the kernel's TPM driver takes five minutes; a chip
    // that says nothing for longer hangs.
    std::chrono::milliseconds answer_limit{300'000};
};

class Context {
  public:
    // `timings` gets each command; it must outlive the context.
    [[nodiscard]] static Result<Context> open(const ContextOptions &options, Timings &timings);

    // One command: `start` is an Esys_..._Async, `finish` its Esys_..._Finish.
    // Again, with pauses, while the TPM says that it is busy. `name` is the
    // TPM's word for it ("Sign"), `what` ours.
    using Step = std::function<TSS2_RC(ESYS_CONTEXT *)>;
    [[nodiscard]] Result<void> run(std::string_view name, std::string_view what, const Step &start,
                                   const Step &finish);
    // The same, with the answer's number instead of an error: for those to whom a refusal says something.
    [[nodiscard]] TSS2_RC ask(std::string_view name, const Step &start, const Step &finish);

    // Firmware starts the TPM; where there is none (a simulator that was reset), we do.
    [[nodiscard]] Result<void> start_up();

    // Work of ESYS itself, without a command to the TPM.
    [[nodiscard]] TSS2_RC local(const Step &step) { return step(esys_.get()); }

    // Whether it can go on. An ESYS context does not survive a failed transport,
    // an answer that is none or one that does not come: then only a new one helps.
    [[nodiscard]] bool usable() const { return state_ == State::usable; }
    // The TPM does not know any more what was loaded: everything has to be loaded again.
    [[nodiscard]] bool forgotten() const { return state_ == State::forgotten; }

  private:
    enum class State : std::uint8_t { usable, forgotten, broken };
    struct Deleter {
        void operator()(ESYS_CONTEXT *esys) const;
    };
    Context(Tcti tcti, std::chrono::milliseconds answer_limit, Timings &timings)
        : tcti_(std::move(tcti)), answer_limit_(answer_limit), timings_(&timings) {}
    [[nodiscard]] TSS2_RC once(const Step &start, const Step &finish);
    [[nodiscard]] bool await_answer(std::chrono::steady_clock::time_point until);

    Tcti tcti_; // before esys_, which uses it
    std::unique_ptr<ESYS_CONTEXT, Deleter> esys_;
    std::vector<int> fds_; // readable when there is an answer; empty: the TCTI does not tell
    std::chrono::milliseconds answer_limit_;
    Timings *timings_;
    State state_ = State::usable;
};

// An object that ESYS knows by a handle. What is transient (also a session) is
// flushed from the TPM at the end; what is persistent stays. Must not outlive
// its context.
class Object {
  public:
    enum class Kind : std::uint8_t { transient, persistent };
    Object(Context &context, ESYS_TR handle, Kind kind = Kind::transient)
        : context_(&context), handle_(handle), kind_(kind) {}
    Object(Object &&other) noexcept
        : context_(other.context_), handle_(std::exchange(other.handle_, ESYS_TR_NONE)), kind_(other.kind_) {}
    Object &operator=(Object &&other) noexcept;
    ~Object();
    [[nodiscard]] ESYS_TR handle() const { return handle_; }
    [[nodiscard]] Kind kind() const { return kind_; }

  private:
    void release();
    Context *context_;
    ESYS_TR handle_;
    Kind kind_;
};

} // namespace dsmil::tpm
