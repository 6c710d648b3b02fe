// SPDX-License-Identifier: Apache-2.0
// Asks for quotes, one after the other, through the daemon's TPM service: does it go on
// for ever over a kernel resource manager? For tests/vm/soak, in the lab's guest.
//   tpm_soak TCTI STATE_DIR COUNT       prints a line each 1,000; 1 at the first failure
// What is loaded is counted after the first quote and after the last one, over the
// connection that made them: a resource manager flushes all of it when the connection ends.
#include "base/log.hpp"
#include "base/reactor.hpp"
#include "tpm/leftovers.hpp"
#include "tpm/quote.hpp"
#include "tpm/service.hpp"
#include "tpm/tpm.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <utility>

namespace {

constexpr unsigned progress = 1'000;

// How many of each kind the TPM has, as it says itself.
struct Loaded {
    std::size_t objects = 0;
    std::size_t sessions = 0; // loaded now
    std::size_t saved = 0;    // sessions, too
    bool operator==(const Loaded &) const = default;
};

dsmil::Result<Loaded> count_loaded(dsmil::tpm::Tpm &tpm) {
    Loaded loaded;
    for (const auto &[first, count] : {std::pair{TPM2_TRANSIENT_FIRST, &loaded.objects},
                                       {TPM2_LOADED_SESSION_FIRST, &loaded.sessions},
                                       {TPM2_ACTIVE_SESSION_FIRST, &loaded.saved}}) {
        const auto handles = dsmil::tpm::handles_from(tpm.context(), first);
        if (!handles) {
            return std::unexpected(handles.error());
        }
        *count = handles->size();
    }
    return loaded;
}

// Asks again when it is answered.
class Soak {
  public:
    Soak(const char *tcti, const char *state_dir, unsigned count)
        : count_(count), service_(reactor_, log_, options(tcti, state_dir)) {}

    int run() {
        service_.on_event([this](const dsmil::tpm::SecurityEvent &event, const auto &then) {
            std::printf("event %s\n", event.action.c_str());
            events_ += event.action == "tpm_pinned" ? 0 : 1; // which comes once, at the first start
            then(true);
        });
        service_.start([this] {
            if (done_ == 0) {
                ask();
            }
        });
        reactor_.run();
        const bool ended = service_.stop(std::chrono::seconds(60));
        const bool same = first_ && first_ == last_;
        std::printf("%u quotes, %u events, what is loaded is %s: %s\n", done_, events_,
                    same ? "the same" : "not the same", failed_ ? "failed" : "all good");
        return failed_ || !same || !ended || events_ != 0 || done_ != count_ ? EXIT_FAILURE : EXIT_SUCCESS;
    }

  private:
    static dsmil::tpm::TpmOptions options(const char *tcti, const char *state_dir) {
        dsmil::tpm::TpmOptions options;
        options.context.tcti = tcti;
        options.state_dir = state_dir;
        return options;
    }
    void ask() {
        service_.quote(dsmil::Bytes(20, static_cast<std::uint8_t>(done_)), {0, 1, 2, 3, 4, 5, 6, 7},
                       [this](const dsmil::Result<dsmil::tpm::Quote> &quote) { heard(quote); });
    }
    void fail(const dsmil::Error &error) {
        std::printf("after %u quotes: %s\n", done_, error.detail.c_str());
        for (const auto &cause : error.causes) {
            std::printf("  %s\n", cause.c_str());
        }
        failed_ = true;
        reactor_.stop();
    }
    void count(std::optional<Loaded> &into, const std::function<void()> &then) {
        service_.run<Loaded>(dsmil::tpm::Urgency::normal, dsmil::tpm::usual_deadline, count_loaded,
                             [this, &into, then](const dsmil::Result<Loaded> &loaded) {
                                 if (!loaded) {
                                     fail(loaded.error());
                                     return;
                                 }
                                 into = *loaded;
                                 std::printf("loaded: %zu objects, %zu sessions, %zu saved sessions\n",
                                             loaded->objects, loaded->sessions, loaded->saved);
                                 then();
                             });
    }
    void heard(const dsmil::Result<dsmil::tpm::Quote> &quote) {
        if (!quote) {
            fail(quote.error());
            return;
        }
        done_++;
        if (done_ % progress == 0) {
            std::printf("%u\n", done_);
            std::fflush(stdout);
        }
        if (done_ == 1) {
            count(first_, [this] { go_on(); });
        } else {
            go_on();
        }
    }
    void go_on() {
        if (done_ == count_) {
            count(last_, [this] { reactor_.stop(); });
        } else {
            ask();
        }
    }

    unsigned count_;
    unsigned done_ = 0;
    unsigned events_ = 0;
    bool failed_ = false;
    std::optional<Loaded> first_;
    std::optional<Loaded> last_;
    dsmil::Reactor reactor_;
    dsmil::Log log_{dsmil::LogTarget::standard_error, dsmil::LogLevel::warning};
    dsmil::tpm::Service service_; // last: its thread uses the others
};

} // namespace

int main(int argc, char **argv) {
    const unsigned count = argc == 4 ? static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10)) : 0;
    if (count == 0) {
        std::fprintf(stderr, "usage: tpm_soak TCTI STATE_DIR COUNT\n");
        return 2;
    }
    ::setenv("TSS2_LOG", "all+NONE", 0);
    return Soak(argv[1], argv[2], count).run();
}
