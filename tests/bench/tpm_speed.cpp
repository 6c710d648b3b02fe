// SPDX-License-Identifier: Apache-2.0
// The daemon's TPM service against bare synchronous ESYS calls with the same
// session and encryption, each over a software TPM of its own, interleaved in
// one process. Prints "name ours peer" a line; times in microseconds.
#include "../daemon/interposer.hpp"
#include "../daemon/support.hpp"
#include "../daemon/swtpm.hpp"
#include "dsmil/fd.hpp"
#include "tpm/pcr.hpp"
#include "tpm/quote.hpp"
#include "tpm/seal.hpp"
#include "tpm/service.hpp"
#include "tpm/sign.hpp"
#include "tpm/timing.hpp"
#include "tpm/tpm.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <poll.h>
#include <sys/timerfd.h>
#include <vector>

namespace {

using dsmil::Bytes;
using dsmil::Hash;
using dsmil::Result;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
namespace tpm = dsmil::tpm;

constexpr milliseconds patient{60'000};

[[noreturn]] void give_up(const char *what) {
    std::fprintf(stderr, "tpm_speed: %s\n", what);
    std::exit(1);
}

void need(bool done, const char *what) {
    if (!done) {
        give_up(what);
    }
}

double microseconds(steady_clock::duration duration) {
    return std::chrono::duration<double, std::micro>(duration).count();
}

double quantile(std::vector<double> values, double share) {
    std::ranges::sort(values);
    return values.at(
        std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size()))));
}

struct Bench {
    dsmil::test::TempDir directory;
    dsmil::test::TempDir peer_directory;
    dsmil::test::Swtpm swtpm{directory};
    dsmil::test::Swtpm peer_swtpm{peer_directory};
    dsmil::test::Interposer bus;
    dsmil::test::Interposer peer_bus;
    dsmil::test::TestLog log;
    dsmil::Reactor reactor;
    tpm::Timings peer_timings;
    std::unique_ptr<tpm::Tpm> peer;
    std::unique_ptr<tpm::Service> service;

    // With an interposer between, or straight.
    void open(bool interposed) {
        tpm::TpmOptions ours;
        ours.context.tcti = swtpm.tcti();
        ours.state_dir = directory.path("");
        tpm::TpmOptions theirs;
        theirs.context.tcti = peer_swtpm.tcti();
        theirs.state_dir = peer_directory.path("");
        if (interposed) {
            ours.context.open = bus.opener();
            theirs.context.open = peer_bus.opener();
        }
        auto opened = tpm::Tpm::open(theirs, peer_timings);
        need(opened.has_value(), "the peer's TPM cannot be opened");
        peer = std::move(*opened);
        // A bare call has tpm2-tss' own cryptography, not ours (tpm/session_crypto.hpp).
        need(peer->context().local([](ESYS_CONTEXT *esys) {
            return Esys_SetCryptoCallbacks(esys, nullptr);
        }) == TSS2_RC_SUCCESS,
             "the peer's cryptography cannot be set");
        service = std::make_unique<tpm::Service>(reactor, log.log, std::move(ours));
        service->start([this] { reactor.stop(); });
        reactor.run();
    }
    void close() {
        peer.reset();
        need(service->stop(patient), "the TPM hangs");
        service.reset();
    }

    // From asking to hearing, on the reactor's thread.
    template <typename T>
    double ask(const std::function<Result<T>(tpm::Tpm &)> &command) {
        bool good = false;
        const auto began = steady_clock::now();
        auto ended = began;
        service->run<T>(tpm::Urgency::normal, patient, command, [&](const Result<T> &result) {
            ended = steady_clock::now();
            good = result.has_value();
            reactor.stop();
        });
        reactor.run();
        need(good, "a command failed");
        return microseconds(ended - began);
    }
    template <typename Command>
    double time(Command command) {
        const auto began = steady_clock::now();
        need(peer->context().local([&](ESYS_CONTEXT *esys) { return command(esys); }) == TSS2_RC_SUCCESS,
             "a command of the peer failed");
        return microseconds(steady_clock::now() - began);
    }
};

TSS2_RC bare_sign(Bench &bench, ESYS_CONTEXT *esys) {
    TPM2B_DIGEST digest{};
    digest.size = 32;
    TPMT_SIG_SCHEME scheme{};
    scheme.scheme = TPM2_ALG_NULL;
    TPMT_TK_HASHCHECK ticket{};
    ticket.tag = TPM2_ST_HASHCHECK;
    ticket.hierarchy = TPM2_RH_NULL;
    TPMT_SIGNATURE *signature = nullptr;
    const TSS2_RC code = Esys_Sign(esys, bench.peer->key(tpm::Purpose::checkpoint).handle(),
                                   bench.peer->session().handle(tpm::Protect::request), ESYS_TR_NONE,
                                   ESYS_TR_NONE, &digest, &scheme, &ticket, &signature);
    Esys_Free(signature);
    return code;
}

TSS2_RC bare_read(ESYS_CONTEXT *esys, const TPML_PCR_SELECTION &selection) {
    TPML_PCR_SELECTION *given = nullptr;
    TPML_DIGEST *digests = nullptr;
    const TSS2_RC code =
        Esys_PCR_Read(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &selection, nullptr, &given, &digests);
    Esys_Free(given);
    Esys_Free(digests);
    return code;
}

// A quote and the values, which it does not contain.
TSS2_RC bare_quote(Bench &bench, ESYS_CONTEXT *esys, const TPML_PCR_SELECTION &selection) {
    TPM2B_DATA nonce{};
    nonce.size = 32;
    TPMT_SIG_SCHEME scheme{};
    scheme.scheme = TPM2_ALG_NULL;
    TPM2B_ATTEST *quoted = nullptr;
    TPMT_SIGNATURE *signature = nullptr;
    const TSS2_RC code = Esys_Quote(esys, bench.peer->key(tpm::Purpose::attestation).handle(),
                                    bench.peer->session().handle(tpm::Protect::both), ESYS_TR_NONE,
                                    ESYS_TR_NONE, &nonce, &scheme, &selection, &quoted, &signature);
    Esys_Free(quoted);
    Esys_Free(signature);
    return code != TSS2_RC_SUCCESS ? code : bare_read(esys, selection);
}

TSS2_RC bare_seal(Bench &bench, ESYS_CONTEXT *esys, const TPML_PCR_SELECTION &selection) {
    const TSS2_RC read = bare_read(esys, selection);
    TPM2B_SENSITIVE_CREATE sensitive{};
    sensitive.sensitive.data.size = 32;
    TPM2B_PUBLIC wanted{};
    wanted.publicArea.type = TPM2_ALG_KEYEDHASH;
    wanted.publicArea.nameAlg = TPM2_ALG_SHA256;
    wanted.publicArea.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA;
    wanted.publicArea.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
    wanted.publicArea.authPolicy.size = 32;
    const TPM2B_DATA outside{};
    const TPML_PCR_SELECTION none{};
    TPM2B_PRIVATE *private_part = nullptr;
    TPM2B_PUBLIC *public_part = nullptr;
    const TSS2_RC code =
        Esys_Create(esys, bench.peer->root().handle(), bench.peer->session().handle(tpm::Protect::both),
                    ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &wanted, &outside, &none, &private_part,
                    &public_part, nullptr, nullptr, nullptr);
    Esys_Free(private_part);
    Esys_Free(public_part);
    return read != TSS2_RC_SUCCESS ? read : code;
}

template <typename Ours, typename Peer>
void interleave(const char *name, unsigned rounds, Ours ours, Peer peer) {
    std::vector<double> mine;
    std::vector<double> theirs;
    for (unsigned i = 0; i < rounds + rounds / 10; i++) {
        const double one = ours();
        const double other = peer();
        if (i >= rounds / 10) { // after the warm-up
            mine.push_back(one);
            theirs.push_back(other);
        }
    }
    std::printf("%s %.1f %.1f\n", name, quantile(mine, 0.5), quantile(theirs, 0.5));
}

void latencies(Bench &bench, unsigned rounds) {
    const std::vector<unsigned> pcrs = {0, 1, 2, 3, 4, 5, 6, 7};
    const auto selection = tpm::selection_of(pcrs);
    interleave(
        "sign", rounds,
        [&] {
            return bench.ask<Bytes>(
                [](tpm::Tpm &chip) { return tpm::sign(chip, tpm::Purpose::checkpoint, Hash{}); });
        },
        [&] { return bench.time([&](ESYS_CONTEXT *esys) { return bare_sign(bench, esys); }); });
    interleave(
        "quote", rounds,
        [&] {
            return bench.ask<tpm::Quote>(
                [&](tpm::Tpm &chip) { return tpm::make_quote(chip, Bytes(32, 1), pcrs); });
        },
        [&] { return bench.time([&](ESYS_CONTEXT *esys) { return bare_quote(bench, esys, selection); }); });
    interleave(
        "seal", rounds,
        [&] {
            return bench.ask<tpm::Sealed>([&](tpm::Tpm &chip) {
                return tpm::seal(chip, Bytes(32, 1),
                                 {.pcrs = pcrs, .approver = {}, .nv = {}, .recovery = {}});
            });
        },
        [&] { return bench.time([&](ESYS_CONTEXT *esys) { return bare_seal(bench, esys, selection); }); });
}

// Sixteen callers, each asking again when it is answered; against one loop of the bare call.
double queued_us(Bench &bench, unsigned count) {
    unsigned asked = 0;
    unsigned answered = 0;
    std::function<void()> ask = [&] {
        if (asked == count) {
            return;
        }
        asked++;
        bench.service->run<Bytes>(
            tpm::Urgency::normal, patient,
            [](tpm::Tpm &chip) { return tpm::sign(chip, tpm::Purpose::checkpoint, Hash{}); },
            [&](const Result<Bytes> &signature) {
                need(signature.has_value(), "a queued signature failed");
                if (++answered == count) {
                    bench.reactor.stop();
                }
                ask();
            });
    };
    const auto began = steady_clock::now();
    for (unsigned i = 0; i < 16; i++) {
        ask();
    }
    bench.reactor.run();
    return microseconds(steady_clock::now() - began) / count;
}

void throughput(Bench &bench, unsigned rounds) {
    constexpr unsigned batch = 64;
    interleave(
        "queued", rounds / 20, [&] { return queued_us(bench, batch); },
        [&] {
            double sum = 0;
            for (unsigned i = 0; i < batch; i++) {
                sum += bench.time([&](ESYS_CONTEXT *esys) { return bare_sign(bench, esys); });
            }
            return sum / batch;
        });
}

// What callers wait beyond the chip's own time, median and 99th of 100: from asking on the
// reactor's thread to hearing there, less the delay that is injected at the TCTI, counted
// from when the command is handed to it. The software TPM computes within the delay, so
// that none of its time is in the rest. The same for the bare call shows what of it is
// tpm2-tss' and the machine's.
template <typename Ours, typename Peer>
void overhead(Bench &bench, const char *name, TPM2_CC command, milliseconds chip, unsigned rounds, Ours ours,
              Peer peer) {
    bench.bus.delay(command, chip);
    bench.peer_bus.delay(command, chip);
    std::vector<double> mine;
    std::vector<double> theirs;
    for (unsigned i = 0; i < rounds; i++) {
        mine.push_back(ours() - microseconds(chip));
        theirs.push_back(peer() - microseconds(chip));
    }
    bench.bus.delay(command, milliseconds(0));
    bench.peer_bus.delay(command, milliseconds(0));
    std::printf("%s_p50 %.1f %.1f\n", name, quantile(mine, 0.5), quantile(theirs, 0.5));
    std::printf("%s_p99 %.1f %.1f\n", name, quantile(mine, 0.99), quantile(theirs, 0.99));
}

TSS2_RC bare_extend(Bench &bench, ESYS_CONTEXT *esys) {
    TPML_DIGEST_VALUES values{};
    values.count = 1;
    values.digests[0].hashAlg = TPM2_ALG_SHA256;
    return Esys_PCR_Extend(esys, ESYS_TR_PCR16, bench.peer->session().handle(), ESYS_TR_NONE, ESYS_TR_NONE,
                           &values);
}

// The same way with nothing at its end but a timer of 10 ms: what this machine needs to wake the
// TPM's thread, to let a timer run out, and to wake the reactor.
void wake_ups(Bench &bench, unsigned rounds) {
    static constexpr milliseconds chip(10);
    std::vector<double> spent;
    for (unsigned i = 0; i < rounds; i++) {
        spent.push_back(bench.ask<void>([](tpm::Tpm &) -> Result<void> {
            const dsmil::Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
            itimerspec when{};
            when.it_value.tv_nsec = std::chrono::nanoseconds(chip).count();
            ::timerfd_settime(timer.get(), 0, &when, nullptr);
            pollfd waiting{timer.get(), POLLIN, 0};
            ::poll(&waiting, 1, -1);
            return {};
        }) - microseconds(chip));
    }
    std::printf("wake_ups %.1f %.1f\n", quantile(spent, 0.5), quantile(spent, 0.99));
}

void overheads(Bench &bench, unsigned rounds) {
    wake_ups(bench, rounds);
    overhead(
        bench, "beyond_sign", TPM2_CC_Sign, milliseconds(42), rounds,
        [&] {
            return bench.ask<Bytes>(
                [](tpm::Tpm &chip) { return tpm::sign(chip, tpm::Purpose::checkpoint, Hash{}); });
        },
        [&] { return bench.time([&](ESYS_CONTEXT *esys) { return bare_sign(bench, esys); }); });
    overhead(
        bench, "beyond_extend", TPM2_CC_PCR_Extend, milliseconds(10), rounds,
        [&] { return bench.ask<void>([](tpm::Tpm &chip) { return tpm::extend_pcr(chip, 16, Hash{}); }); },
        [&] { return bench.time([&](ESYS_CONTEXT *esys) { return bare_extend(bench, esys); }); });
}

// How late the reactor's timers are while the TPM is as slow as an ST33: 7.5 s for an RSA
// key, then its first use (250 ms), and signatures (42 ms) all the while, which wait in the queue.
void lag(Bench &bench) {
    bench.bus.delay(TPM2_CC_Create, milliseconds(7'500));
    bench.bus.delay(TPM2_CC_Load, milliseconds(250));
    bench.bus.delay(TPM2_CC_Sign, milliseconds(42));
    std::vector<double> lags;
    unsigned open = 0;
    bool done = false;
    const auto answered = [&](bool good) {
        need(good, "a command failed while the reactor's lag was measured");
        done = --open == 0;
        if (done) {
            bench.reactor.stop();
        }
    };
    open++;
    bench.service->run<void>(
        tpm::Urgency::normal, patient,
        [](tpm::Tpm &chip) -> Result<void> {
            const auto wanted = tpm::key_template(tpm::Algorithm::rsa2048, tpm::Use::sign);
            return tpm::create_key(chip.parent(), wanted, {}).and_then([&](const tpm::Blobs &made) {
                return tpm::load_key(chip.parent(), made).and_then([&](const tpm::Object &key) {
                    return tpm::sign_with(chip, key.handle(), Hash{}).transform([](const auto &) {});
                });
            });
        },
        [&](const Result<void> &made) { answered(made.has_value()); });
    for (unsigned i = 0; i < 16; i++) {
        open++;
        bench.service->run<Bytes>(
            tpm::Urgency::checkpoint, patient,
            [](tpm::Tpm &chip) { return tpm::sign(chip, tpm::Purpose::checkpoint, Hash{}); },
            [&](const Result<Bytes> &made) { answered(made.has_value()); });
    }
    dsmil::Reactor::Timer timer(bench.reactor);
    auto expected = steady_clock::now();
    std::function<void()> tick = [&] {
        lags.push_back(microseconds(steady_clock::now() - expected));
        if (!done) {
            expected = steady_clock::now() + milliseconds(1);
            timer.start(milliseconds(1), [&] { tick(); });
        }
    };
    expected = steady_clock::now() + milliseconds(1);
    timer.start(milliseconds(1), [&] { tick(); });
    bench.reactor.run();
    for (const TPM2_CC command : {TPM2_CC_Create, TPM2_CC_Load, TPM2_CC_Sign}) {
        bench.bus.delay(command, milliseconds(0));
    }
    need(lags.size() > 1'000, "the reactor stood still");
    std::printf("lag %.1f 1000\n", quantile(lags, 0.99));
}

} // namespace

int main(int argc, char **argv) {
    const unsigned rounds = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 1'000;
    ::setenv("TSS2_LOG", "all+none", 1);
    Bench bench;
    need(bench.swtpm.running() && bench.peer_swtpm.running(), "swtpm is not installed");
    bench.open(false);
    latencies(bench, rounds);
    throughput(bench, rounds);
    bench.close();
    bench.open(true);
    overheads(bench, std::min(rounds, 200U));
    lag(bench);
    bench.close();
    return 0;
}
