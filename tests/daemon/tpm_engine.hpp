// SPDX-License-Identifier: Apache-2.0
// The TPM's thread and queue over a software TPM, with a bus that the test is master of.
#pragma once

#include "interposer.hpp"
#include "support.hpp"
#include "swtpm.hpp"
#include "tpm/service.hpp"
#include "tpm/sign.hpp"
#include "tpm/tpm.hpp"

#include <chrono>
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <vector>

namespace dsmil::tpm {

using std::chrono::milliseconds;
inline constexpr milliseconds patient{60'000};

class TpmEngineTest : public testing::Test {
  protected:
    void SetUp() override {
        ::setenv("TSS2_LOG", "all+none", 1);
        if (!swtpm.running()) {
            GTEST_SKIP() << "swtpm is not installed";
        }
    }
    [[nodiscard]] TpmOptions options() {
        TpmOptions options;
        options.context.tcti = swtpm.tcti();
        options.context.open = bus.opener();
        options.state_dir = directory.path("");
        return options;
    }
    void begin(TpmOptions options) {
        service.emplace(reactor, log.log, std::move(options), retry);
        if (!fallback.empty()) {
            service->fall_back_to(KeyFile::open(fallback).value());
        }
        if (hear) {
            service->on_event([this](const SecurityEvent &event, const Service::Heard &then) {
                hear(event);
                then(true);
            });
        }
        ready = false;
        service->start([&] { ready = true; });
    }
    void make(TpmOptions options) {
        begin(std::move(options));
        test::run_until(reactor, [&] { return ready; });
    }
    void begin_with(Code trouble, TpmOptions options) {
        begin(std::move(options));
        test::run_until(reactor, [&] { return service->trouble() && service->trouble()->code == trouble; });
    }
    void make() { make(options()); }
    // Signs as a caller that waits.
    Result<Bytes> sign_now(const Hash &digest = {}) {
        std::optional<Result<Bytes>> signature;
        service->sign(digest, [&](Result<Bytes> result) { signature = std::move(result); });
        test::run_until(reactor, [&] { return signature.has_value(); });
        return signature.value_or(fail(Code::internal, "no answer"));
    }
    // A command of its own, which tells that its turn came.
    Ticket note(std::string text, Urgency urgency = Urgency::normal, milliseconds deadline = patient) {
        return service->run<Bytes>(
            urgency, deadline,
            [this, text](Tpm &tpm) {
                order.push_back(text); // Read when nothing is under way.
                return sign(tpm, Purpose::checkpoint, Hash{});
            },
            [this](Result<Bytes> result) { answers.push_back(std::move(result)); });
    }
    void run_until_saw(TPM2_CC command) {
        test::run_until(reactor, [&] { return bus.saw(command); });
    }

    test::TempDir directory;
    test::Swtpm swtpm{directory};
    test::Interposer bus;
    test::TestLog log;
    Reactor reactor;
    bool ready = false;
    milliseconds retry{1};
    std::string fallback; // a key file
    std::function<void(const SecurityEvent &)> hear;
    std::vector<std::string> order;
    std::vector<Result<Bytes>> answers;
    std::optional<Service> service; // last: its thread uses the others
};

} // namespace dsmil::tpm
