// SPDX-License-Identifier: Apache-2.0
// What leaves for other logs, and what becomes of it when they take nothing or fail.
#include "base/clock.hpp"
#include "base/file.hpp"
#include "dsmil/fd.hpp"
#include "sinks/feed.hpp"
#include "sinks/loki.hpp"
#include "sinks/record_text.hpp"
#include "sinks/sink.hpp"
#include "support.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <format>
#include <fstream>
#include <gtest/gtest.h>
#include <mutex>
#include <netinet/in.h>
#include <optional>
#include <semaphore>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace dsmil::sinks {
namespace {

std::vector<ledger::Record> some(std::uint64_t first, std::uint64_t count) {
    std::vector<ledger::Record> records;
    for (std::uint64_t i = 0; i < count; i++) {
        records.push_back(test::plain_record(first + i));
        records.back().sequence = first + i;
    }
    return records;
}

ledger::Record refusal() {
    ledger::Record record = test::ring_record(7);
    record.sequence = 7;
    record.outcome = "refused";
    return record;
}

TEST(RecordText, SyslogGetsPriorityTimeNameAndJson) {
    const auto line = syslog_line(refusal());
    EXPECT_TRUE(line.starts_with("<132>Nov 14 22:13:20 dsmil-ledger: {")) << line;
    const auto json = boost::json::parse(line.substr(line.find('{')));
    EXPECT_EQ(json.at("sequence").as_int64(), 7);
    EXPECT_TRUE(syslog_line(some(0, 1).front()).starts_with("<134>"));
}

TEST(RecordText, TheJournalGetsFieldsAndTheWholeRecord) {
    const auto fields = journal_fields(refusal());
    for (const auto *field : {"MESSAGE=write refused: device 0x8005, uid 1000, dsmilctl[42]", "PRIORITY=4",
                              "DSMIL_SEQUENCE=7", "DSMIL_ACTION=write", "DSMIL_OUTCOME=refused",
                              "DSMIL_DEVICE_ID=0x8005", "DSMIL_UID=1000", "DSMIL_PID=42"}) {
        EXPECT_TRUE(std::ranges::contains(fields, field)) << field;
    }
    EXPECT_TRUE(std::ranges::contains(fields, "DSMIL_RECORD=" + json_text(refusal())));
}

TEST(RecordText, NamesOfProcessesForgeNoLines) {
    auto record = refusal();
    record.actor->comm = "a\nMESSAGE=b";
    EXPECT_FALSE(summary(record).contains('\n'));
    EXPECT_FALSE(syslog_line(record).contains('\n'));
}

TEST(LokiUrl, HasAHostAndTheUsualPortAndPath) {
    const auto url = parse_loki_url("http://loki.example").value();
    EXPECT_EQ(url.host, "loki.example");
    EXPECT_EQ(url.port, "3100");
    EXPECT_EQ(url.path, "/loki/api/v1/push");
    const auto other = parse_loki_url("http://[::1]:80/push?x=1").value();
    EXPECT_EQ(other.host, "::1");
    EXPECT_EQ(other.port, "80");
    EXPECT_EQ(other.path, "/push?x=1");
}

TEST(LokiUrl, IsNothingElse) {
    for (const auto *text :
         {"", "loki", "https://loki.example", "http://", "http://:80", "http://a:0", "http://a:x",
          "http://a:65536", "http://a b", "http://u@a", "http://[::1", "http://a/#x", "http://a\n"}) {
        const auto url = parse_loki_url(text);
        ASSERT_FALSE(url) << text;
        EXPECT_EQ(url.error().code, Code::config_invalid);
    }
}

TEST(LokiBody, HasAStreamForEachSourceAndOutcome) {
    auto records = some(0, 2);
    records.push_back(refusal());
    const auto body = boost::json::parse(loki_body(records, "test.example/log"));
    const auto &streams = body.at("streams").as_array();
    ASSERT_EQ(streams.size(), 2U);
    EXPECT_EQ(
        streams[0].at("stream"),
        (boost::json::object{
            {"job", "dsmil"}, {"origin", "test.example/log"}, {"source", "dsmild"}, {"outcome", "ok"}}));
    EXPECT_EQ(streams[0].at("values").as_array().size(), 2U);
    EXPECT_EQ(streams[1].at("values").at(0).at(0).as_string(), "1700000000000000007");
    EXPECT_EQ(streams[1].at("values").at(0).at(1).as_string(), json_text(refusal()));
}

class JsonLinesSink : public testing::Test {
  protected:
    [[nodiscard]] std::string content(const std::string &name = "log") const {
        return read_file(directory.path(name), 1 << 20).value_or("");
    }
    test::TempDir directory;
    std::unique_ptr<Sink> sink = json_lines_sink(directory.path("log"));
};

TEST_F(JsonLinesSink, AppendsALineForEachRecord) {
    EXPECT_EQ(sink->send(some(0, 2)).value().next, 2U);
    EXPECT_EQ(sink->send(some(2, 1)).value().next, 3U);
    EXPECT_EQ(content(), json_text(some(0, 1)[0]) + "\n" + json_text(some(1, 1)[0]) + "\n" +
                             json_text(some(2, 1)[0]) + "\n");
}

TEST_F(JsonLinesSink, GoesOnInANewFileAfterARotation) {
    ASSERT_TRUE(sink->send(some(0, 1)));
    std::filesystem::rename(directory.path("log"), directory.path("log.1"));
    ASSERT_TRUE(sink->send(some(1, 1)));
    EXPECT_EQ(content("log.1"), json_text(some(0, 1)[0]) + "\n");
    EXPECT_EQ(content(), json_text(some(1, 1)[0]) + "\n");
}

TEST_F(JsonLinesSink, EndsALineThatACrashCut) {
    std::ofstream(directory.path("log")) << "{\"half";
    ASSERT_TRUE(sink->send(some(0, 1)));
    EXPECT_EQ(content(), "{\"half\n" + json_text(some(0, 1)[0]) + "\n");
}

TEST_F(JsonLinesSink, FailsWhereThereIsNoPlaceForAFile) {
    EXPECT_EQ(json_lines_sink(directory.path("no/log"))->send(some(0, 1)).error().code, Code::failed);
    std::filesystem::create_directory(directory.path("folder"));
    EXPECT_FALSE(json_lines_sink(directory.path("folder"))->send(some(0, 1)));
    std::filesystem::create_symlink(directory.path("log"), directory.path("link"));
    EXPECT_FALSE(json_lines_sink(directory.path("link"))->send(some(0, 1)));
    EXPECT_EQ(json_lines_sink("/dev/full")->send(some(0, 1)).error().code, Code::failed);
}

class SyslogSink : public testing::Test {
  protected:
    void listen() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(static_cast<char *>(address.sun_path), path.size());
        socket = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        ::unlink(path.c_str());
        ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)), 0);
    }
    [[nodiscard]] std::string receive() const {
        std::array<char, 4096> buffer{};
        const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
    }
    test::TempDir directory;
    std::string path = directory.path("log.sock");
    Fd socket;
    std::unique_ptr<Sink> sink = syslog_sink(path);
};

TEST_F(SyslogSink, SendsAMessageForEachRecord) {
    listen();
    EXPECT_EQ(sink->send(some(5, 2)).value().next, 7U);
    EXPECT_EQ(receive(), syslog_line(some(5, 1)[0]));
    EXPECT_EQ(receive(), syslog_line(some(6, 1)[0]));
}

TEST_F(SyslogSink, FailsWhileNobodyIsThereAndComesBack) {
    EXPECT_EQ(sink->send(some(0, 1)).error().code, Code::failed);
    listen();
    EXPECT_TRUE(sink->send(some(0, 1)));
    listen(); // a daemon that was started anew
    EXPECT_EQ(sink->send(some(1, 1)).error().code, Code::failed);
    EXPECT_TRUE(sink->send(some(1, 1)));
    EXPECT_EQ(receive(), syslog_line(some(1, 1)[0]));
}

TEST_F(SyslogSink, IsBlockedWhenNobodyReads) {
    listen();
    sink->cancel(); // so that the test need not wait
    const auto sent = sink->send(some(0, 5'000));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, Code::try_again);
}

// Answers each request with the next of the statuses, the last for ever.
class HttpServer {
  public:
    explicit HttpServer(std::vector<int> statuses) : statuses_(std::move(statuses)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr *>(&address), size), 0);
        EXPECT_EQ(::listen(socket_.get(), 8), 0);
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr *>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::jthread([this] { serve(); });
    }
    ~HttpServer() { ::shutdown(socket_.get(), SHUT_RDWR); }
    HttpServer(const HttpServer &) = delete;
    HttpServer &operator=(const HttpServer &) = delete;
    [[nodiscard]] std::string url() const { return std::format("http://127.0.0.1:{}/push", port_); }

    // Of the requests that were answered.
    [[nodiscard]] std::vector<std::string> bodies() const {
        const std::scoped_lock lock(mutex_);
        return bodies_;
    }

  private:
    void serve() {
        for (;;) {
            const Fd peer(::accept(socket_.get(), nullptr, nullptr));
            if (!peer) {
                return;
            }
            std::string request;
            std::array<char, 4096> buffer{};
            std::size_t whole = std::string::npos;
            while (request.size() < whole) {
                const ssize_t got = ::recv(peer.get(), buffer.data(), buffer.size(), 0);
                if (got <= 0) {
                    break;
                }
                request.append(buffer.data(), static_cast<std::size_t>(got));
                const auto end = request.find("\r\n\r\n");
                const auto length = request.find("Content-Length: ");
                if (whole == std::string::npos && end != std::string::npos && length != std::string::npos) {
                    whole = end + 4 + std::stoul(request.substr(length + 16));
                }
            }
            const int status = take(request.substr(request.find("\r\n\r\n") + 4));
            const auto answer =
                std::format("HTTP/1.1 {} X\r\nContent-Length: 3\r\nConnection: close\r\n\r\nwhy", status);
            ::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        }
    }

    int take(std::string body) {
        const std::scoped_lock lock(mutex_);
        bodies_.push_back(std::move(body));
        return statuses_.at(std::min(bodies_.size(), statuses_.size()) - 1);
    }

    std::vector<int> statuses_;
    mutable std::mutex mutex_;
    std::vector<std::string> bodies_;
    Fd socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    std::uint16_t port_ = 0;
    std::jthread thread_;
};

TEST(LokiSink, PushesAllInOneRequest) {
    const HttpServer server({204});
    const auto sink = loki_sink(server.url(), "test.example/log").value();
    EXPECT_EQ(sink->send(some(3, 2)).value().next, 5U);
    ASSERT_EQ(server.bodies().size(), 1U);
    EXPECT_EQ(server.bodies()[0], loki_body(some(3, 2), "test.example/log"));
}

TEST(LokiSink, TellsBlockedFromFailed) {
    const HttpServer server({429, 500, 404, 204});
    const auto sink = loki_sink(server.url(), "o").value();
    EXPECT_EQ(sink->send(some(0, 1)).error().code, Code::try_again);
    EXPECT_EQ(sink->send(some(0, 1)).error().code, Code::failed);
    const auto refused = sink->send(some(0, 1));
    EXPECT_EQ(refused.error().code, Code::failed);
    EXPECT_EQ(refused.error().causes, std::vector<std::string>{"why"});
    EXPECT_TRUE(sink->send(some(0, 1)));
}

TEST(LokiSink, ARecordThatWillNeverBeTakenIsCountedAndPassedOver) {
    const HttpServer server({400, 204, 400, 204});
    const auto sink = loki_sink(server.url(), "o").value();
    const auto sent = sink->send(some(0, 3)); // all at once, then one by one
    ASSERT_TRUE(sent) << sent.error().detail;
    EXPECT_EQ(sent->next, 3U);
    EXPECT_EQ(sent->refused, 1U);
    EXPECT_EQ(server.bodies().size(), 4U);
}

TEST(LokiSink, FailsWhenNobodyIsThere) {
    std::string url;
    {
        const HttpServer gone({204});
        url = gone.url();
    }
    EXPECT_EQ(loki_sink(url, "o").value()->send(some(0, 1)).error().code, Code::failed);
}

TEST(LokiSink, IsBlockedByAServerThatDoesNotAnswer) {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), size), 0);
    ASSERT_EQ(::listen(socket.get(), 1), 0);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr *>(&address), &size);
    const auto sink = loki_sink(std::format("http://127.0.0.1:{}", ntohs(address.sin_port)), "o").value();
    Fd peer; // until the end: what is there and says nothing has not hung up
    std::jthread end([&] {
        peer = Fd(::accept(socket.get(), nullptr, nullptr));
        sink->cancel();
    });
    const auto sent = sink->send(some(0, 1));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, Code::try_again) << sent.error().detail;
}

// Does what the test says, on the feed's thread.
class FakeSink final : public Sink {
  public:
    Result<Delivery> send(std::span<const ledger::Record> records) override {
        if (hangs) {
            go.acquire();
        }
        if (fails) {
            return fail(code, "as the test wants");
        }
        for (const auto &record : records) {
            taken.push_back(record.sequence);
        }
        return Delivery{.next = records.back().sequence + 1, .refused = refused};
    }
    std::atomic<bool> hangs = false;
    std::counting_semaphore<> go{0};
    std::atomic<bool> fails = false;
    Code code = Code::failed; // set before the start, as what follows
    std::uint64_t refused = 0;
    std::vector<std::uint64_t> taken;
};

class FeedTest : public testing::Test {
  protected:
    void SetUp() override {
        ledger::ServiceOptions options;
        options.state_dir = directory.path("");
        options.ledger.path = directory.path("ledger.db");
        options.ledger.default_origin = "test.example/log";
        ASSERT_TRUE(ledger.start(std::move(options)));
        begin();
    }
    void begin() {
        auto made = std::make_unique<FakeSink>();
        sink = made.get();
        FeedOptions options{.name = "fake", .target = "nowhere", .state_dir = directory.path("")};
        options.blocked_after = std::chrono::milliseconds(20);
        options.first_pause = std::chrono::milliseconds(1);
        options.max_pause = std::chrono::milliseconds(2);
        feed.emplace(reactor, log.log, ledger, std::move(options), std::move(made));
        ledger.on_change([this] {
            if (started) { // as the daemon does
                feed->hear();
            }
        });
    }
    void start() {
        ASSERT_TRUE(feed->start());
        started = true;
    }
    void append(std::uint64_t count) {
        bool kept = false;
        std::vector<ledger::Record> records;
        for (std::uint64_t i = 0; i < count; i++) {
            records.push_back(test::plain_record(i));
        }
        ledger.append(std::move(records), [&](const auto &appended) { kept = appended.has_value(); });
        test::run_until(reactor, [&] { return kept; });
    }
    void await(State state) {
        test::run_until(reactor, [&] { return feed->status().state == state; });
    }
    [[nodiscard]] bool logged(std::string_view event) const {
        return std::ranges::any_of(log.events, [&](const LogEvent &one) { return one.event_type == event; });
    }

    test::TempDir directory;
    test::TestLog log;
    test::TestKey key;
    Reactor reactor;
    ledger::Service ledger{reactor, log.log, system_clock(), key};
    FakeSink *sink = nullptr;
    std::optional<Feed> feed;
    bool started = false;
};

TEST_F(FeedTest, BringsWhatThereIsAndWhatComes) {
    append(Feed::batch_records + 10);
    start();
    test::run_until(reactor, [&] { return feed->status().position == Feed::batch_records + 10; });
    append(1);
    test::run_until(reactor, [&] { return feed->status().position == Feed::batch_records + 11; });
    ASSERT_EQ(sink->taken.size(), Feed::batch_records + 11);
    EXPECT_TRUE(std::ranges::is_sorted(sink->taken));
    const auto status = feed->status();
    EXPECT_EQ(status.state, State::current);
    EXPECT_EQ(status.sent, Feed::batch_records + 11);
    EXPECT_EQ(status.behind, 0U);
}

TEST_F(FeedTest, GoesOnWhereItWasLeft) {
    start();
    append(5);
    test::run_until(reactor, [&] { return feed->status().position == 5; });
    feed.reset();
    begin();
    start();
    append(2);
    test::run_until(reactor, [&] { return feed->status().position == 7; });
    EXPECT_EQ(sink->taken, (std::vector<std::uint64_t>{5, 6}));
}

TEST_F(FeedTest, TriesAgainWhenItFailsAndLosesNothing) {
    sink->fails = true;
    start();
    append(3);
    test::run_until(reactor, [&] { return feed->status().failures >= 3; });
    EXPECT_EQ(feed->status().state, State::failed);
    EXPECT_EQ(feed->status().behind, 3U);
    EXPECT_EQ(feed->status().trouble->detail, "as the test wants");
    EXPECT_EQ(std::ranges::count(log.events, "sink_failed", &LogEvent::event_type), 1); // and not each time
    sink->fails = false;
    await(State::current);
    EXPECT_EQ(sink->taken, (std::vector<std::uint64_t>{0, 1, 2}));
    EXPECT_TRUE(logged("sink_works"));
}

TEST_F(FeedTest, OneThatTakesNothingIsBlockedAndTheLedgerGoesOn) {
    sink->hangs = true;
    start();
    append(1);
    await(State::blocked);
    append(100);
    EXPECT_EQ(feed->status().behind, 101U);
    EXPECT_EQ(feed->status().failures, 0U);
    sink->hangs = false;
    sink->go.release();
    await(State::current);
    EXPECT_EQ(sink->taken.size(), 101U);
}

TEST_F(FeedTest, OneThatSaysThatItIsBlockedIsNotFailed) {
    sink->fails = true;
    sink->code = Code::try_again;
    start();
    append(1);
    test::run_until(reactor, [&] { return feed->status().failures > 0; });
    EXPECT_EQ(feed->status().state, State::blocked);
    EXPECT_TRUE(logged("sink_blocked"));
    EXPECT_FALSE(logged("sink_failed"));
}

TEST_F(FeedTest, CountsWhatIsRefusedForEver) {
    sink->refused = 1;
    start();
    append(4);
    test::run_until(reactor, [&] { return feed->status().position == 4; });
    EXPECT_EQ(feed->status().refused, 1U);
    EXPECT_EQ(feed->status().sent, 3U);
}

TEST_F(FeedTest, CountsWhatWasPrunedBeforeItCouldBeSent) {
    append(600);
    std::optional<Result<void>> done;
    ledger.checkpoint(ledger::Occasion::interval, [&](Result<void> result) { done = std::move(result); });
    test::run_until(reactor, [&] { return done.has_value(); });
    std::optional<Result<ledger::Pruned>> pruned;
    ledger.prune({.before_ns = {}, .keep_records = 300}, ledger.own_record("pruned", "ok"),
                 [&](Result<ledger::Pruned> result) { pruned = std::move(result); });
    test::run_until(reactor, [&] { return pruned.has_value(); });
    ASSERT_TRUE(*pruned);
    start();
    test::run_until(reactor, [&] { return feed->status().position == 601; });
    EXPECT_EQ(feed->status().skipped, 256U);
    EXPECT_EQ(sink->taken.front(), 256U);
    EXPECT_EQ(feed->status().sent, 345U);
}

TEST_F(FeedTest, ALedgerThatIsShorterThanWhatWasSentIsSentAgainAndSaid) {
    ASSERT_TRUE(write_file(directory.path("sink-fake.position"), as_bytes("1000\n"), 0640));
    append(2);
    start();
    test::run_until(reactor, [&] { return feed->status().position == 2; });
    EXPECT_TRUE(logged("sink_ahead"));
    EXPECT_EQ(sink->taken, (std::vector<std::uint64_t>{0, 1}));
}

TEST_F(FeedTest, APositionThatIsNoneIsAnError) {
    for (const auto *text : {"", "x\n", "12", "-1\n", "1 \n", "99999999999999999999999\n"}) {
        ASSERT_TRUE(write_file(directory.path("sink-fake.position"), as_bytes(text), 0640));
        EXPECT_FALSE(feed->start()) << text;
    }
}

} // namespace
} // namespace dsmil::sinks
