// SPDX-License-Identifier: Apache-2.0
// The API over a real Unix socket, with callers of our choice.
#include "api/attest_request.hpp"
#include "api/server.hpp"
#include "base/file.hpp"
#include "support.hpp"
#include "tpm/tpm.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdlib>
#include <format>
#include <future>
#include <gtest/gtest.h>
#include <mutex>
#include <set>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace dsmil::api {
namespace {

constexpr std::uint32_t stranger_group = 1;
constexpr std::array<std::uint32_t, role_count> groups = {stranger_group, 101, 102, 103, 104}; // by role

Peer peer_with(Role role) {
    return {1000, 1, {stranger_group, groups.at(static_cast<std::size_t>(role))}, "test"};
}

class ApiTest : public testing::Test {
  protected:
    void SetUp() override {
        ledger::ServiceOptions options;
        options.state_dir = directory.path("");
        options.ledger.path = directory.path("ledger.db");
        options.ledger.default_origin = "test.example/log";
        ASSERT_TRUE(ledger.start(std::move(options)));
        Roles roles;
        for (std::size_t role = 1; role < role_count; role++) {
            roles.grant(static_cast<Role>(role), groups.at(role), std::format("group{}", role));
        }
        DeviceApi device(ledger, tpm, directory.path(""), [](std::uint16_t) -> Result<DeviceState> {
            return fail(Code::module_missing, "the test has no module");
        });
        api.emplace(log.log, ledger, tpm, std::move(device), IdentityApi(ledger, tpm, directory.path("")),
                    TpmApi(system_clock(), ledger, tpm, {}), grants, responder, std::move(roles));
        server.emplace(reactor, log.log, *api);
        ASSERT_TRUE(server->start({.path = socket_path, .group = "", .peer_of = [this](int) -> Result<Peer> {
                                       return current_peer();
                                   }}));
        thread = std::jthread([this] { reactor.run(); });
    }

    void TearDown() override {
        if (thread.joinable()) {
            reactor.post([this] {
                server->stop([this] { reactor.stop(); });
                ledger.release_waiters();
            });
            thread.join();
        }
    }

    [[nodiscard]] Fd connect_to_server() const {
        Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socket_path.copy(static_cast<char *>(address.sun_path), sizeof(address.sun_path) - 1);
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)), 0);
        return fd;
    }

    // Sends bytes and gives back everything until the other side closes.
    [[nodiscard]] std::string exchange(const std::string &request) const {
        const Fd fd = connect_to_server();
        EXPECT_EQ(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(request.size()));
        std::string answer;
        std::array<char, 4096> chunk{};
        ssize_t count = 0;
        while ((count = ::recv(fd.get(), chunk.data(), chunk.size(), 0)) > 0) {
            answer.append(chunk.data(), static_cast<std::size_t>(count));
        }
        return answer;
    }

    struct Answer {
        int status = 0;
        std::string body;
        [[nodiscard]] std::string code() const {
            return body.empty() ? "no answer"
                                : std::string(boost::json::parse(body).at("error").at("code").as_string());
        }
    };
    [[nodiscard]] static Answer parse(const std::string &text) {
        const auto body = text.find("\r\n\r\n");
        if (body == std::string::npos) {
            return {}; // closed without an answer
        }
        return {std::atoi(text.substr(9, 3).c_str()), text.substr(body + 4)};
    }
    [[nodiscard]] Answer request(std::string_view method, std::string_view target,
                                 const std::string &body = "") const {
        return parse(exchange(
            std::format("{} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
                        method, target, body.size(), body)));
    }

    test::TempDir directory;
    std::string socket_path = directory.path("socket");
    test::TestLog log;
    test::TestKey key;
    // Before a request: the server asks at each connection, in its own thread.
    void set_peer(Peer next) {
        const std::lock_guard lock(peer_mutex);
        peer = std::move(next);
    }
    Peer current_peer() {
        const std::lock_guard lock(peer_mutex);
        return peer;
    }

    std::mutex peer_mutex;
    Peer peer = peer_with(Role::admin);
    Reactor reactor;
    tpm::Service tpm{
        reactor,
        log.log,
        {.context = {.tcti = "swtpm:path=/nonexistent"}, .state_dir = directory.path(""), .secrets = {}}};
    ledger::Service ledger{reactor, log.log, system_clock(), key};
    grants::Service grants{
        reactor, log.log, system_clock(),
        ledger,  key,     std::make_unique<grants::ModuleKernel>(Paths{.nodes = "/nonexistent"})};
    response::Responder responder{reactor,
                                  log.log,
                                  system_clock(),
                                  ledger,
                                  grants,
                                  [](std::uint16_t, const std::string &, Then<Result<Bytes>> then) {
                                      then(fail(Code::tpm_missing, "the test has no TPM"));
                                  }};
    std::optional<Api> api;
    std::optional<Server> server;
    std::jthread thread;
};

TEST_F(ApiTest, EachOperationIsOpenToItsRoleAndThoseAboveAndClosedToTheRest) {
    for (const auto &route : routes()) {
        for (std::size_t i = 0; i < role_count; i++) {
            set_peer(peer_with(static_cast<Role>(i)));
            const auto answer = request(name(route.method), route.path);
            const bool allowed = static_cast<Role>(i) >= route.role;
            EXPECT_EQ(answer.status != 403, allowed) << route.path << " as " << name(static_cast<Role>(i));
            if (!allowed) {
                EXPECT_EQ(answer.code(), "permission");
            }
        }
    }
}

TEST_F(ApiTest, RootIsAdmin) {
    set_peer({0, 1, {}, "root"});
    EXPECT_EQ(request("GET", "/v1/health").status, 200);
}

TEST_F(ApiTest, ASupplementaryGroupCounts) {
    set_peer({1000, 1, {stranger_group, 7, 8, 9, 102}, "test"});
    EXPECT_EQ(request("GET", "/v1/ledger/export").status, 200);
}

TEST_F(ApiTest, ARefusalNamesTheRoleAndItsGroups) {
    set_peer(peer_with(Role::reader));
    const auto answer = request("POST", "/v1/attest", "{}");
    const auto error = boost::json::parse(answer.body).at("error");
    EXPECT_EQ(
        error.at("detail").as_string(),
        "this needs the role operator, which the members of group2, group3, group4 have; you have reader");
    EXPECT_FALSE(error.at("remedy").as_string().empty());
}

TEST_F(ApiTest, WhoHasNoRoleDoesNotLearnWhatThereIs) {
    set_peer(peer_with(Role::none));
    EXPECT_EQ(request("GET", "/v1/nothing").status, 403);
    EXPECT_EQ(request("DELETE", "/v1/health").status, 403);
}

TEST_F(ApiTest, UnknownPathsMethodsAndParametersAreClearErrors) {
    EXPECT_EQ(request("GET", "/v1/nothing").code(), "not_found");
    EXPECT_EQ(request("POST", "/v1/health").code(), "usage");
    EXPECT_EQ(request("DELETE", "/v1/health").code(), "usage");
    EXPECT_EQ(request("GET", "/v1/ledger/records?limit=0").code(), "usage");
    EXPECT_EQ(request("GET", "/v1/ledger/records?limit=1001").code(), "usage");
    EXPECT_EQ(request("GET", "/v1/ledger/records?after=-1").code(), "usage");
    EXPECT_EQ(request("GET", "/v1/ledger/records?wait_ms=30001").code(), "usage");
    EXPECT_EQ(request("GET", "/v1/ledger/records?after=1&after=2").code(), "usage");
    EXPECT_EQ(request("GET", "/v1/ledger/search?limit=1001").code(), "usage");
    EXPECT_EQ(request("GET", "/v1/ledger/search?since=yesterday").code(), "usage");
    EXPECT_EQ(request("GET", "/v1/ledger/search?wait_ms=1").code(), "usage");
    EXPECT_EQ(request("GET", "/v1/health?%zz=1").code(), "usage");
    EXPECT_EQ(request("GET", "/v1/health?unknown=1").code(), "usage");
}

TEST_F(ApiTest, WhatIsTooLargeIsRefusedWithTheLimit) {
    const auto body = parse(
        exchange(std::format("POST /v1/attest HTTP/1.1\r\nContent-Length: {}\r\n\r\n", max_body_bytes + 1)));
    EXPECT_EQ(body.code(), "usage");
    EXPECT_NE(body.body.find("65536 bytes"), std::string::npos);
    const auto header =
        parse(exchange("GET /v1/health HTTP/1.1\r\nX: " + std::string(max_header_bytes, 'x') + "\r\n\r\n"));
    EXPECT_EQ(header.code(), "usage");
    EXPECT_NE(header.body.find("8192 bytes"), std::string::npos);
}

TEST_F(ApiTest, WhatIsNoHttpIsRefused) {
    EXPECT_EQ(parse(exchange("nonsense\r\n\r\n")).code(), "usage");
}

TEST_F(ApiTest, WithoutATpmAttestSaysSo) {
    const auto answer = request("POST", "/v1/attest", R"({"nonce":"0011223344556677"})");
    EXPECT_EQ(answer.status, 503);
}

TEST_F(ApiTest, ASearchFindsWhatFitsAndSaysWhetherItIsComplete) {
    std::promise<void> kept;
    reactor.post([&] {
        std::vector<ledger::Record> records;
        records.push_back(test::ring_record(1));
        records.push_back(test::ring_record(2));
        records.back().outcome = "refused";
        ledger.append(std::move(records), [&kept](const auto &) { kept.set_value(); });
    });
    kept.get_future().wait();
    const auto body = boost::json::parse(request("GET", "/v1/ledger/search?outcome=refused").body);
    ASSERT_EQ(body.at("records").as_array().size(), 1U);
    EXPECT_EQ(body.at("records").at(0).at("sequence").as_int64(), 1);
    EXPECT_EQ(body.at("next").as_int64(), 2);
    EXPECT_TRUE(body.at("complete").as_bool());
}

TEST_F(ApiTest, ALongPollIsAnsweredByTheRecordItWaitsFor) {
    Answer answer;
    std::jthread waiting([&] { answer = request("GET", "/v1/ledger/records?after=0&wait_ms=30000"); });
    reactor.post([this] {
        std::vector<ledger::Record> records;
        records.push_back(test::ring_record(1));
        ledger.append(std::move(records), [](const auto &) {});
    });
    waiting.join();
    EXPECT_EQ(answer.status, 200);
    const auto body = boost::json::parse(answer.body);
    EXPECT_EQ(body.at("next").as_int64(), 1);
    const auto &record = body.at("records").at(0);
    EXPECT_EQ(record.at("device_id").as_string(), "0x8005");
    EXPECT_EQ(record.at("register").as_string(), "CONFIG");
    EXPECT_EQ(record.at("actor").at("comm").as_string(), "dsmilctl");
    EXPECT_EQ(record.at("time").as_string(), "2023-11-14T22:13:20.000000001Z");
}

TEST_F(ApiTest, SeveralRequestsShareAConnection) {
    const auto text =
        exchange("GET /v1/health HTTP/1.1\r\n\r\nGET /v1/ledger/head HTTP/1.1\r\nConnection: close\r\n\r\n");
    EXPECT_NE(text.find("\"status\""), std::string::npos);
    EXPECT_NE(text.find("\"root\""), std::string::npos);
}

TEST_F(ApiTest, OneUserDoesNotTakeAllConnections) {
    std::vector<Fd> idle;
    for (std::size_t i = 0; i < max_connections_user; i++) {
        idle.push_back(connect_to_server());
    }
    for (std::size_t i = 0; i < max_connections; i++) {
        const Fd more = connect_to_server();
        char byte = 0;
        ASSERT_LE(::recv(more.get(), &byte, 1, 0), 0) << "it is hung up on";
    }
    Peer other = current_peer();
    other.uid = 1001;
    set_peer(std::move(other));
    EXPECT_EQ(request("GET", "/v1/health").status, 200) << "another user is served";
}

TEST_F(ApiTest, StoppingWaitsForWhoIsBeingAnswered) {
    Answer answer;
    std::jthread waiting([&] { answer = request("GET", "/v1/ledger/records?after=5&wait_ms=30000"); });
    // Only when the request is in: the server counts it before the ledger is asked to wait.
    reactor.post([this] {
        std::vector<ledger::Record> records;
        records.push_back(test::plain_record(1));
        ledger.append(std::move(records), [](const auto &) {});
    });
    static_cast<void>(request("GET", "/v1/health"));
    TearDown();
    waiting.join();
    EXPECT_TRUE(answer.status == 200 || answer.status == 0) << answer.status;
}

TEST_F(ApiTest, StoppingHangsUpOnWhoAsksNothing) {
    const Fd fd = connect_to_server();
    static_cast<void>(request("GET", "/v1/health")); // by then the first connection is accepted, too
    TearDown();
    char byte = 0;
    EXPECT_EQ(::recv(fd.get(), &byte, 1, 0), 0);
}

TEST_F(ApiTest, ASecondServerOnTheSocketIsAConflict) {
    Server second(reactor, log.log, *api);
    const auto started = second.start({.path = socket_path, .group = ""});
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, Code::conflict);
}

TEST_F(ApiTest, AFileInThePlaceOfTheSocketStays) {
    const auto path = directory.path("file");
    ASSERT_TRUE(write_file(path, as_bytes("dear"), 0600));
    Server second(reactor, log.log, *api);
    EXPECT_EQ(second.start({.path = path, .group = ""}).error().code, Code::exists);
    EXPECT_EQ(read_file(path, 10).value_or(""), "dear");
}

TEST_F(ApiTest, AnUnknownGroupIsAConfigurationError) {
    Server second(reactor, log.log, *api);
    EXPECT_EQ(second.start({.path = directory.path("other"), .group = "no-such-group"}).error().code,
              Code::config_invalid);
}

TEST_F(ApiTest, TheSocketIsForOwnerAndGroup) {
    struct stat status{};
    ASSERT_EQ(::stat(socket_path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0660U);
}

TEST(Peer, IsWhoTheKernelSays) {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
    const Fd one(pair[0]);
    const Fd two(pair[1]);
    const auto peer = peer_of(one.get());
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->uid, ::getuid());
    EXPECT_EQ(peer->pid, static_cast<std::uint32_t>(::getpid()));
    EXPECT_TRUE(std::ranges::contains(peer->groups, ::getgid()));
}

// The documentation is the table.
TEST(OpenApi, NamesEveryOperationWithItsRoleAndNoOther) {
    const auto document = boost::json::parse(openapi_document());
    std::set<std::string> documented;
    for (const auto &[path, methods] : document.at("paths").as_object()) {
        for (const auto &[method, operation] : methods.as_object()) {
            documented.insert(std::format("{} {} {}", std::string_view(method), std::string_view(path),
                                          std::string_view(operation.at("x-dsmil-role").as_string())));
        }
    }
    std::set<std::string> offered;
    for (const auto &route : routes()) {
        offered.insert(std::format("{} {} {}", route.method == Method::get ? "get" : "post", route.path,
                                   name(route.role)));
    }
    EXPECT_EQ(documented, offered);
}

TEST(OpenApi, IsTheFileOfTheSource) {
    const auto file = read_file(test::source_path("docs/api/openapi.json"), 1 << 20);
    ASSERT_TRUE(file);
    EXPECT_EQ(openapi_document(), *file);
}

TEST(AttestRequest, RefusesWhatIsMalformed) {
    for (const auto *body :
         {"", "[]", "{", "{}", R"({"nonce":1})", R"({"nonce":"00112233445566"})",
          R"({"nonce":"001122334455667"})", R"({"nonce":"zz11223344556677"})",
          R"({"nonce":"000000000000000000000000000000000000000000000000000000000000000000"})",
          R"({"nonce":"0011223344556677","pcrs":[]})", R"({"nonce":"0011223344556677","pcrs":[24]})",
          R"({"nonce":"0011223344556677","pcrs":[-1]})", R"({"nonce":"0011223344556677","pcrs":[1,1]})",
          R"({"nonce":"0011223344556677","pcrs":["1"]})", R"({"nonce":"0011223344556677","pcrs":1})",
          R"({"nonce":"0011223344556677","pcrs":[1.0]})", R"({"nonce":"0011223344556677","more":1})",
          R"({"nonce":"0011223344556677"} x)", R"({"pcrs":[[[[[[[[]]]]]]]]})"}) {
        const auto request = parse_attest_request(body);
        ASSERT_FALSE(request) << body;
        EXPECT_EQ(request.error().code, Code::usage);
    }
}

TEST(AttestRequest, TakesPcrsInAnyOrder) {
    const auto request = parse_attest_request(R"({"pcrs":[7,0,23],"nonce":"0011223344556677"})");
    ASSERT_TRUE(request);
    EXPECT_EQ(request->pcrs, (std::vector<unsigned>{0, 7, 23}));
    EXPECT_EQ(request->nonce.size(), 8U);
    EXPECT_EQ(parse_attest_request(R"({"nonce":"0011223344556677"})")->pcrs.size(), 16U);
}

} // namespace
} // namespace dsmil::api
