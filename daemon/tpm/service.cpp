// SPDX-License-Identifier: Apache-2.0
#include "tpm/service.hpp"

#include "tpm/health.hpp"
#include "tpm/quote.hpp"
#include "tpm/sign.hpp"
#include "tpm/tpm.hpp"

#include <algorithm>
#include <format>
#include <numeric>

namespace dsmil::tpm {
namespace {

constexpr std::size_t boot_pcrs = 16; // 0 to 15: firmware, loader, kernel

} // namespace

Service::Service(Reactor &reactor, const Log &log, TpmOptions options, std::chrono::milliseconds retry)
    : reactor_(reactor), log_(log), options_(std::make_unique<TpmOptions>(std::move(options))),
      trouble_(Error{Code::try_again, "the TPM is being opened", {}}), retry_from_(retry), retry_(retry),
      retry_timer_(reactor), watch_timer_(reactor),
      health_(std::make_unique<Health>(options_->state_dir, options_->null_name_path, timings_)),
      worker_("dsmild-tpm") {}

Service::~Service() = default;

void Service::start(std::function<void()> ready) {
    ready_ = std::move(ready);
    connect();
}

bool Service::has_keys() const {
    return is_made(Purpose::checkpoint, options_->state_dir);
}

bool Service::stop(std::chrono::milliseconds patience) {
    stopped_ = true;
    retry_timer_.cancel();
    watch_timer_.cancel();
    return worker_.stop(patience);
}

void Service::connect() {
    const bool taken = worker_.submit(static_cast<unsigned>(Urgency::connect), [this] {
        reactor_.post([this, opened = open()]() mutable { connected(std::move(opened)); });
    });
    static_cast<void>(taken); // Refused only when stopping.
}

Service::Opened Service::open() {
    tpm_.reset(); // One connection at a time: a TPM without a resource manager serves no second.
    auto opened = Tpm::open(*options_, timings_);
    if (!opened) {
        return {.trouble = std::move(opened.error()), .checkpoint_spki = {}, .grant_spki = {}};
    }
    tpm_ = std::move(*opened);
    return {.trouble = std::nullopt,
            .checkpoint_spki = tpm_->key(Purpose::checkpoint).spki(),
            .grant_spki = tpm_->key(Purpose::grant).spki()};
}

void Service::connected(Opened opened) {
    if (stopped_) {
        return;
    }
    if (!opened.trouble) {
        trouble_.reset();
        checkpoint_spki_ = std::move(opened.checkpoint_spki);
        grant_spki_ = std::move(opened.grant_spki);
        retry_ = retry_from_;
        log_.write({.level = LogLevel::info, .event_type = "tpm_ready", .message = "the TPM is ready"});
        watch();
        ready_();
        return;
    }
    // The same trouble again is no news.
    const bool was_fallen_back = fell_back();
    if (!trouble_ || trouble_->code != opened.trouble->code) {
        log_.write_error(LogLevel::warning, "tpm_unavailable", *opened.trouble);
        if (opened.trouble->code == Code::tpm_changed) {
            hear({"tpm_changed", opened.trouble->detail, {}});
        }
    }
    trouble_ = std::move(opened.trouble);
    if (fell_back() && !was_fallen_back) {
        hear({"tpm_fell_back",
              "checkpoints are signed by the key file, for want of a TPM: they attest nothing",
              {}});
        ready_();
    }
    retry_timer_.start(retry_, [this] { connect(); });
    retry_ = std::min(retry_ * 2, last_retry);
}

Ticket Service::enqueue(Urgency urgency, std::chrono::milliseconds deadline,
                        const std::shared_ptr<Pending> &pending) {
    const bool taken = worker_.submit(static_cast<unsigned>(urgency), [this, pending] {
        if (!pending->abandoned) {
            perform(*pending);
        }
        reactor_.post([this, pending] { finish(*pending); });
    });
    if (!taken) {
        pending->fail_with({Code::try_again, "too many commands wait for the TPM", {}});
        reactor_.post([this, pending] { finish(*pending); });
        return Ticket(pending);
    }
    // Weak: the timer is the command's own.
    pending->deadline.emplace(reactor_).start(deadline, [this, deadline, waiting = std::weak_ptr(pending)] {
        if (const auto late = waiting.lock()) {
            overdue(*late, deadline);
        }
    });
    return Ticket(pending);
}

void Service::finish(Pending &pending) {
    pending.deadline.reset();
    if (pending.abandoned.exchange(true)) {
        return;
    }
    if (pending.not_open) {
        pending.answer_with(trouble_.value_or(Error{Code::try_again, "the TPM is just opened", {}}));
    } else {
        pending.answer();
    }
}

void Service::overdue(Pending &pending, std::chrono::milliseconds deadline) {
    if (pending.abandoned.exchange(true)) {
        return;
    }
    pending.answer_with({Code::try_again,
                         std::format("the TPM did not answer within {} ms", deadline.count()),
                         {std::format("{} more commands wait for it; what it has begun runs out and its "
                                      "answer is dropped",
                                      waiting())}});
}

void Service::perform(Pending &pending) {
    if (!tpm_) {
        pending.not_open = true;
        return;
    }
    pending.work(*tpm_);
    if (tpm_->context().forgotten()) {
        perform_anew(pending);
    }
    explain(pending);
    if (tpm_ && !tpm_->context().usable()) {
        tpm_.reset();
        const auto *error = pending.error();
        reactor_.post([this, error = error != nullptr ? *error : Error{Code::tpm_missing, {}, {}}]() mutable {
            lost(std::move(error));
        });
    }
}

// Who is locked out wants to know for how long.
void Service::explain(Pending &pending) {
    const auto *error = pending.error();
    if (!tpm_ || error == nullptr || error->code != Code::tpm_locked_out) {
        return;
    }
    if (const auto status = read_status(*tpm_)) {
        Error explained = *error;
        explained.causes.push_back(
            std::format("{} wrong authorisations of {}: it takes them again in {} s at most",
                        status->lockout_counter, status->lockout_limit, status->lockout_left.count()));
        pending.fail_with(std::move(explained));
    }
}

// The TPM was reset, or its resource manager lost what was loaded: nothing of a
// command that failed for that reason was done, so it is done again.
void Service::perform_anew(Pending &pending) {
    auto opened = open();
    if (opened.trouble) {
        pending.fail_with(*opened.trouble);
    } else {
        pending.work(*tpm_);
    }
    reactor_.post([this, opened = std::move(opened)]() mutable {
        hear({"tpm_forgot",
              "the TPM, or its resource manager, forgot what was loaded: its session and keys",
              {}});
        connected(std::move(opened));
    });
}

void Service::lost(Error error) {
    if (stopped_) {
        return;
    }
    log_.write_error(LogLevel::warning, "tpm_lost", error);
    if (error.code == Code::tpm_untrusted) {
        hear({"tpm_answer_forged", "an answer of the TPM was changed on its way", {}});
    }
    trouble_ = std::move(error);
    connect();
}

void Service::hear(const SecurityEvent &event) {
    auto context = event.context;
    context.emplace_back("action", event.action);
    log_.write({.level = LogLevel::warning,
                .event_type = "security_event",
                .message = event.message,
                .context = std::move(context)});
    if (hear_) {
        hear_(event);
    }
}

Ticket Service::look(Urgency urgency, std::chrono::milliseconds deadline, Then<Result<Status>> then) {
    return run<Look>(
        urgency, deadline, [this](Tpm &tpm) { return health_->look(tpm); },
        [this, then = std::move(then)](Result<Look> seen) mutable {
            if (!seen) {
                then(std::unexpected(std::move(seen.error())));
                return;
            }
            last_status_ = seen->status;
            std::ranges::for_each(seen->events, [this](const SecurityEvent &event) { hear(event); });
            then(std::move(seen->status));
        });
}

// Begins anew each time that the TPM is opened.
void Service::watch() {
    static_cast<void>(look(Urgency::normal, usual_deadline, [this](const Result<Status> &seen) {
        if (!seen && !trouble_) {
            log_.write_error(LogLevel::warning, "tpm_watch_failed", seen.error());
        }
        if (!stopped_) {
            watch_timer_.start(watch_interval, [this] { watch(); });
        }
    }));
}

Ticket Service::status(Then<Result<Status>> then) {
    return look(Urgency::normal, status_deadline, std::move(then));
}

bool Service::fell_back() const {
    return fallback_ && trouble_ && trouble_->code != Code::try_again;
}

void Service::sign(const Hash &digest, Then<Result<Bytes>> then) {
    if (fallback_ && fell_back()) {
        then(fallback_->sign(digest));
        return;
    }
    run<Bytes>(
        Urgency::checkpoint, usual_deadline,
        [digest](Tpm &tpm) { return tpm::sign(tpm, Purpose::checkpoint, digest); }, std::move(then));
}

void Service::quote(const Hash &digest, Then<Result<ledger::Quote>> then) {
    if (fallback_ && fell_back()) {
        then(fail(Code::tpm_missing, "a key file signs: nothing is attested"));
        return;
    }
    run<Quote>(
        Urgency::checkpoint, usual_deadline,
        [digest](Tpm &tpm) {
            std::vector<unsigned> pcrs(boot_pcrs);
            std::ranges::iota(pcrs, 0U);
            return make_quote(tpm, digest, pcrs);
        },
        [then = std::move(then)](Result<Quote> made) mutable {
            then(std::move(made).transform([](const Quote &quote) {
                ledger::Quote kept{quote.bundle.quoted, quote.bundle.signature, {}};
                for (const auto &[number, value] : quote.bundle.pcrs) {
                    kept.pcrs.insert(kept.pcrs.end(), value.begin(), value.end());
                }
                return kept;
            }));
        });
}

Ticket Service::sign_grant(const Hash &digest, Then<Result<Bytes>> then) {
    return run<Bytes>(
        Urgency::grant, usual_deadline, [digest](Tpm &tpm) { return tpm::sign(tpm, Purpose::grant, digest); },
        std::move(then));
}

Ticket Service::quote(Bytes nonce, std::vector<unsigned> pcrs, Then<Result<Quote>> then) {
    return run<Quote>(
        Urgency::quote, usual_deadline,
        [nonce = std::move(nonce), pcrs = std::move(pcrs)](Tpm &tpm) { return make_quote(tpm, nonce, pcrs); },
        std::move(then));
}

} // namespace dsmil::tpm
