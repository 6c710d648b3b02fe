// SPDX-License-Identifier: Apache-2.0
// A software TPM, a ledger and the TPM's service, for tests of operations over them.
#pragma once

#include "api/message.hpp"
#include "base/clock.hpp"
#include "ledger/service.hpp"
#include "support.hpp"
#include "swtpm.hpp"
#include "tpm/service.hpp"
#include "tpm/tpm.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <vector>

namespace dsmil::api {

class WithTpmAndLedger : public testing::Test {
  protected:
    void SetUp() override {
        ::setenv("TSS2_LOG", "all+none", 1);
        if (!swtpm.running()) {
            GTEST_SKIP() << "swtpm is not installed";
        }
        ledger::ServiceOptions options;
        options.state_dir = directory.path("");
        options.ledger.path = directory.path("ledger.db");
        options.ledger.default_origin = "test.example/log";
        ASSERT_TRUE(ledger.start(std::move(options)));
        bool ready = false;
        tpm->on_event([](const auto &, const auto &then) { then(true); });
        tpm->start([&] { ready = true; });
        test::run_until(reactor, [&] { return ready; });
    }
    using Handler = std::function<void(const Request &, Then<Result<Response>>)>;
    Result<boost::json::object> ask_with(const Handler &handler, const boost::json::object &body) {
        Request request;
        request.body = boost::json::serialize(body);
        request.peer = {1000, 42, {}, "test"};
        std::optional<Result<Response>> response;
        handler(request, [&](Result<Response> result) { response = std::move(result); });
        test::run_until(reactor, [&] { return response.has_value(); });
        if (!*response) {
            return std::unexpected(response->error());
        }
        return boost::json::parse((*response)->body).as_object();
    }
    std::vector<ledger::Record> records() {
        std::optional<Result<std::vector<ledger::Record>>> read;
        ledger.read(0, 100, [&](Result<std::vector<ledger::Record>> result) { read = std::move(result); });
        test::run_until(reactor, [&] { return read.has_value(); });
        return read->value_or(std::vector<ledger::Record>{});
    }
    // "device_seal ok"
    std::vector<std::string> recorded() {
        std::vector<std::string> all;
        for (const auto &record : records()) {
            all.push_back(record.action + " " + record.outcome);
        }
        return all;
    }

    test::TempDir directory;
    test::Swtpm swtpm{directory};
    test::TestLog log;
    test::TestKey key;
    Reactor reactor;
    std::optional<tpm::Service> tpm{
        std::in_place, reactor, log.log,
        tpm::TpmOptions{.context = {.tcti = swtpm.tcti()}, .state_dir = directory.path(""), .secrets = {}}};
    ledger::Service ledger{reactor, log.log, system_clock(), key};
};

} // namespace dsmil::api
