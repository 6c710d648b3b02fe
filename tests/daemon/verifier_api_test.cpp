// SPDX-License-Identifier: Apache-2.0
// The verifier's operations: who may do which, and what the document says of them.
#include "base/file.hpp"
#include "verifier_support.hpp"
#include "verifierd/api.hpp"

#include <boost/json/parse.hpp>
#include <format>
#include <set>

namespace dsmil::verifierd {
namespace {

class Operations : public test::VerifierTest {
  protected:
    void SetUp() override {
        open_for(a);
        enrol(a);
        api.emplace(reactor, log.log, clock, std::move(*service),
                    ApiOptions{.operators = {"admin", "sha256:f1"}, .requests_per_minute = 200});
    }
    void TearDown() override { EXPECT_TRUE(api->stop(std::chrono::seconds(10))); }

    api::Response ask(api::Method method, const std::string &target, const https::Identity &client,
                      std::string body = "") {
        std::optional<api::Response> answer;
        api->handle({.method = method,
                     .target = api::Target::parse(target).value(),
                     .body = std::move(body),
                     .client = client},
                    {}, [&](api::Response response) { answer = std::move(response); });
        test::run_until(reactor, [&] { return answer.has_value(); });
        EXPECT_TRUE(answer);
        return answer ? std::move(*answer) : api::Response();
    }
    static std::string code_of(const api::Response &response) {
        return std::string(boost::json::parse(response.body).at("error").at("code").as_string());
    }

    test::TestMachine a{"a"};
    Reactor reactor;
    test::TestLog log;
    std::optional<Api> api;
    https::Identity machine{.name = "a", .fingerprint = "fa"};
    https::Identity other{.name = "b", .fingerprint = "fb"};
    https::Identity stranger{.name = "Mr. X", .fingerprint = "fx"};
    https::Identity operator_by_name{.name = "admin", .fingerprint = "f0"};
    https::Identity operator_by_fingerprint{.name = "someone", .fingerprint = "f1"};
};

TEST_F(Operations, EachIsOpenToWhomItIsFor) {
    for (const auto &route : Api::routes()) {
        std::string target(route.path);
        if (const auto open = target.find('{'); open != std::string::npos) {
            target.replace(open, target.find('}') - open + 1, "a");
        }
        const auto allowed = [&](const https::Identity &client) {
            return ask(route.method, target, client).status != 403;
        };
        SCOPED_TRACE(target);
        const bool anybody = route.access == Access::anybody;
        const bool machines = route.access == Access::machine;
        const bool own = route.access == Access::own;
        EXPECT_EQ(allowed(stranger), anybody);
        EXPECT_EQ(allowed(other), anybody || machines);
        EXPECT_EQ(allowed(machine), anybody || machines || own);
        EXPECT_EQ(allowed(operator_by_fingerprint), !machines);
        EXPECT_EQ(allowed(operator_by_name), !machines);
    }
}

TEST_F(Operations, TheDocumentSaysTheSame) {
    const auto document = boost::json::parse(openapi_document());
    std::set<std::string> documented;
    for (const auto &[path, operations] : document.at("paths").as_object()) {
        for (const auto &[method, operation] : operations.as_object()) {
            std::string parameters;
            if (const auto *list = operation.as_object().if_contains("parameters")) {
                for (const auto &parameter : list->as_array()) {
                    if (parameter.at("in") == "query") {
                        parameters += std::format(" {}", std::string_view(parameter.at("name").as_string()));
                    }
                }
            }
            documented.insert(std::format("{} {} {}{}", std::string_view(method), std::string_view(path),
                                          std::string_view(operation.at("x-dsmil-access").as_string()),
                                          parameters));
        }
    }
    std::set<std::string> there;
    for (const auto &route : Api::routes()) {
        std::string parameters;
        for (const auto parameter : route.parameters) {
            parameters += std::format(" {}", parameter);
        }
        there.insert(std::format("{} {} {}{}", route.method == api::Method::get ? "get" : "post", route.path,
                                 name_of(route.access), parameters));
    }
    EXPECT_EQ(documented, there);
    EXPECT_EQ(openapi_document(), read_file(test::source_path("docs/api/verifierd.json"), 1 << 20).value());
}

TEST_F(Operations, WhatThereIsNotIsSaid) {
    EXPECT_EQ(ask(api::Method::get, "/v1/nothing", machine).status, 404);
    EXPECT_EQ(code_of(ask(api::Method::post, "/v1/health", machine)), "usage");
    EXPECT_EQ(code_of(ask(api::Method::get, "/v1/health?x=1", machine)), "usage");
    EXPECT_EQ(code_of(ask(api::Method::get, "/v1/machines/b", operator_by_name)), "not_found");
    EXPECT_EQ(code_of(ask(api::Method::get, "/v1/machines/a/token", machine)), "not_found");
    EXPECT_EQ(code_of(ask(api::Method::get, "/v1/machines?limit=0", operator_by_name)), "usage");
    EXPECT_EQ(code_of(ask(api::Method::post, "/v1/attestations/00", machine, "{")), "usage");
}

TEST_F(Operations, RequestsAreLimitedByCertificate) {
    for (int i = 0; i < 200; i++) {
        ASSERT_EQ(ask(api::Method::get, "/v1/health", machine).status, 200);
    }
    const auto refused = ask(api::Method::get, "/v1/health", machine);
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(code_of(refused), "try_again");
    EXPECT_EQ(ask(api::Method::get, "/v1/health", other).status, 200);
    EXPECT_TRUE(ask(api::Method::get, "/v1/metrics", operator_by_name)
                    .body.contains("dsmil_verifier_rate_limited_total 1\n"));
}

TEST_F(Operations, AQuestionAndItsAnswerGoThrough) {
    const auto asked = ask(api::Method::post, "/v1/attestations", machine);
    ASSERT_EQ(asked.status, 201) << asked.body;
    const auto question = boost::json::parse(asked.body);
    Session session;
    session.nonce = from_hex(question.at("nonce").as_string()).value();
    const auto evidence = a.evidence(session);
    const std::string body = std::format(R"({{"quoted":"{}","signature":"{}","pcrs":{{"0":"{}","7":"{}"}}}})",
                                         to_base64(evidence.quoted), to_base64(evidence.signature),
                                         to_hex(evidence.pcrs.at(0)), to_hex(evidence.pcrs.at(7)));
    const auto done = ask(api::Method::post,
                          std::format("/v1/attestations/{}", std::string_view(question.at("id").as_string())),
                          machine, body);
    ASSERT_EQ(done.status, 200) << done.body;
    EXPECT_EQ(boost::json::parse(done.body).at("outcome"), "verified");
    const auto shown = boost::json::parse(ask(api::Method::get, "/v1/machines", operator_by_name).body);
    EXPECT_EQ(shown.at("machines").as_array().at(0).at("state"), "fresh");
    const auto token = ask(api::Method::get, "/v1/machines/a/token", machine);
    EXPECT_EQ(token.content_type, "application/eat+jwt");
}

TEST_F(Operations, OnlyEvidenceMayBeLarge) {
    EXPECT_EQ(api->body_limit("/v1/attestations/00"), 32U << 20U);
    EXPECT_EQ(api->body_limit("/v1/attestations"), https::small_body_bytes);
    EXPECT_EQ(api->body_limit("/v1/enrolments"), https::small_body_bytes);
}

} // namespace
} // namespace dsmil::verifierd
