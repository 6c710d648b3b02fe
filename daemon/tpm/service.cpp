// SPDX-License-Identifier: Apache-2.0
#include "tpm/service.hpp"

#include "tpm/tpm.hpp"

#include <algorithm>

namespace dsmil::tpm {

Service::Service(Reactor &reactor, const Log &log, std::string tcti, std::string state_dir,
                 std::chrono::milliseconds retry)
    : reactor_(reactor), log_(log), tcti_(std::move(tcti)), state_dir_(std::move(state_dir)),
      trouble_(Error{Code::try_again, "the TPM is being opened", {}}), retry_from_(retry), retry_(retry),
      retry_timer_(reactor), worker_("dsmild-tpm") {}

Service::~Service() = default;

void Service::start(std::function<void()> ready) {
    ready_ = std::move(ready);
    connect();
}

bool Service::has_keys() const {
    return is_made(Purpose::checkpoint, state_dir_);
}

bool Service::stop(std::chrono::milliseconds patience) {
    stopped_ = true;
    retry_timer_.cancel();
    return worker_.stop(patience);
}

void Service::connect() {
    const bool taken = worker_.submit(urgent_connect, [this] {
        tpm_.reset(); // One connection at a time: a TPM without a resource manager serves no second.
        auto opened = Tpm::open(tcti_, state_dir_);
        std::optional<Error> trouble;
        Bytes spki;
        if (opened) {
            tpm_ = std::move(*opened);
            spki = tpm_->checkpoint_spki();
        } else {
            trouble = std::move(opened.error());
        }
        reactor_.post([this, trouble = std::move(trouble), spki = std::move(spki)]() mutable {
            connected(std::move(trouble), std::move(spki));
        });
    });
    static_cast<void>(taken); // Refused only when stopping.
}

void Service::connected(std::optional<Error> trouble, Bytes checkpoint_spki) {
    if (stopped_) {
        return;
    }
    if (!trouble) {
        trouble_.reset();
        checkpoint_spki_ = std::move(checkpoint_spki);
        retry_ = retry_from_;
        log_.write({.level = LogLevel::info, .event_type = "tpm_ready", .message = "the TPM is ready"});
        ready_();
        return;
    }
    // The same trouble again is no news.
    if (!trouble_ || trouble_->code != trouble->code) {
        log_.write_error(LogLevel::warning, "tpm_unavailable", *trouble);
    }
    trouble_ = std::move(trouble);
    retry_timer_.start(retry_, [this] { connect(); });
    retry_ = std::min(retry_ * 2, last_retry);
}

template <typename T, typename Command>
void Service::submit(Urgency urgency, Command command, Then<Result<T>> then) {
    // Shared, because the task may be refused, and then the caller hears of it here.
    const auto answer = std::make_shared<Then<Result<T>>>(std::move(then));
    const auto deadline = std::chrono::steady_clock::now() + queue_deadline;
    const bool taken =
        worker_.submit(urgency, [this, command = std::move(command), answer, deadline]() mutable {
            const bool open = tpm_ != nullptr;
            Result<T> result = std::unexpected(Error{});
            if (std::chrono::steady_clock::now() > deadline) {
                result = fail(Code::try_again, "the TPM was busy with other commands for too long");
            } else if (open) {
                result = command(*tpm_);
            }
            const bool lost = open && !result && result.error().code == Code::tpm_missing;
            if (lost) {
                tpm_.reset(); // An ESYS context does not survive a failed transport.
            }
            reactor_.post([this, answer, open, lost, result = std::move(result)]() mutable {
                if (lost && !stopped_) {
                    trouble_ = result.error();
                    log_.write_error(LogLevel::warning, "tpm_lost", *trouble_);
                    connect();
                }
                if (!open) {
                    result = std::unexpected(
                        trouble_.value_or(Error{Code::try_again, "the TPM is just opened", {}}));
                }
                (*answer)(std::move(result));
            });
        });
    if (!taken) {
        reactor_.post([answer] { (*answer)(fail(Code::try_again, "too many commands wait for the TPM")); });
    }
}

void Service::sign(const Hash &digest, Then<Result<Bytes>> then) {
    submit<Bytes>(urgent_checkpoint, [digest](Tpm &tpm) { return tpm.sign(digest); }, std::move(then));
}

void Service::quote(Bytes nonce, std::vector<unsigned> pcrs, Then<Result<Quote>> then) {
    submit<Quote>(
        urgent_quote,
        [nonce = std::move(nonce), pcrs = std::move(pcrs)](Tpm &tpm) { return tpm.quote(nonce, pcrs); },
        std::move(then));
}

} // namespace dsmil::tpm
