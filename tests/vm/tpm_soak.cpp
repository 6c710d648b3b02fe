// SPDX-License-Identifier: Apache-2.0
// Asks for quotes, one after the other, through the daemon's TPM service: does it go on
// for ever over a kernel resource manager? For tests/vm/soak, in the lab's guest.
//   tpm_soak TCTI STATE_DIR COUNT       prints a line each 1,000; 1 at the first failure
#include "base/log.hpp"
#include "base/reactor.hpp"
#include "tpm/quote.hpp"
#include "tpm/service.hpp"
#include "tpm/tpm.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>

namespace {

constexpr unsigned progress = 1'000;

// Asks again when it is answered.
class Soak {
  public:
    Soak(const char *tcti, const char *state_dir, unsigned count)
        : count_(count), service_(reactor_, log_, options(tcti, state_dir)) {}

    int run() {
        service_.on_event([this](const dsmil::tpm::SecurityEvent &event, const auto &then) {
            std::printf("event %s\n", event.action.c_str());
            events_++;
            then(true);
        });
        service_.start([this] {
            if (done_ == 0) {
                ask();
            }
        });
        reactor_.run();
        const bool ended = service_.stop(std::chrono::seconds(60));
        std::printf("%u quotes, %u events, %s\n", done_, events_, failed_ ? "failed" : "all good");
        return failed_ || !ended || events_ != 0 || done_ != count_ ? EXIT_FAILURE : EXIT_SUCCESS;
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
    void heard(const dsmil::Result<dsmil::tpm::Quote> &quote) {
        if (!quote) {
            std::printf("after %u quotes: %s\n", done_, quote.error().detail.c_str());
            for (const auto &cause : quote.error().causes) {
                std::printf("  %s\n", cause.c_str());
            }
            failed_ = true;
            reactor_.stop();
            return;
        }
        done_++;
        if (done_ % progress == 0) {
            std::printf("%u\n", done_);
            std::fflush(stdout);
        }
        if (done_ == count_) {
            reactor_.stop();
        } else {
            ask();
        }
    }

    unsigned count_;
    unsigned done_ = 0;
    unsigned events_ = 0;
    bool failed_ = false;
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
