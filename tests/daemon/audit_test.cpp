// SPDX-License-Identifier: Apache-2.0
// What the kernel's audit says, and which of it is about the platform.
#include "base/clock.hpp"
#include "base/file.hpp"
#include "dsmil/fd.hpp"
#include "ingest/audit_events.hpp"
#include "ingest/audit_source.hpp"
#include "support.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace dsmil::ingest {
namespace {

std::string sample(std::string_view name) {
    return read_file(test::source_path(std::format("tests/fuzz/corpus/audit/{}", name)), 1 << 16).value();
}

std::vector<std::vector<AuditLine>> events_of(std::string_view text) {
    AuditEvents events;
    std::vector<std::vector<AuditLine>> all;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (auto parsed = parse_audit_line(line)) {
            std::ranges::move(events.take(std::move(*parsed)), std::back_inserter(all));
        }
    }
    std::ranges::move(events.flush(), std::back_inserter(all));
    return all;
}

std::string text_of(const ledger::Record &record, std::string_view name) {
    const auto field = std::ranges::find(record.context, name, &ledger::Field::name);
    const auto *text = field != record.context.end() ? std::get_if<std::string>(&field->value) : nullptr;
    return text != nullptr ? *text : "";
}

TEST(AuditLine, HasTypeTimeSerialAndFields) {
    const auto line = parse_audit_line(
        "type=SYSCALL msg=audit(1764313200.123:4242): arch=c000003e comm=\"a b\" key=(null)");
    ASSERT_TRUE(line);
    EXPECT_EQ(line->type, "SYSCALL");
    EXPECT_EQ(line->time_ms, 1'764'313'200'123U);
    EXPECT_EQ(line->serial, 4'242U);
    EXPECT_EQ(line->field("comm"), "a b");
    EXPECT_EQ(line->field("key"), "(null)");
    EXPECT_EQ(line->field("none"), "");
}

TEST(AuditLine, UndoesTheHexadecimalOfWhatOthersChose) {
    const auto line = parse_audit_line(
        "type=PROCTITLE msg=audit(1.000:1): proctitle=6D6F6470726F6265002D72 pid=1234 comm=612262 exe=xyz");
    EXPECT_EQ(line->field("proctitle"), "modprobe -r");
    EXPECT_EQ(line->field("comm"), "a\"b");
    EXPECT_EQ(line->field("pid"), "1234"); // a number is none
    EXPECT_EQ(line->field("exe"), "xyz");
}

TEST(AuditLine, LeavesOutWhatAuditdAddsForPeople) {
    const auto line = parse_audit_line("type=SYSCALL msg=audit(1.000:1): uid=0\x1dUID=\"root\"");
    EXPECT_EQ(line->field("uid"), "0");
    EXPECT_FALSE(line->fields.contains("UID"));
}

TEST(AuditLine, TheFirstOfANameCounts) {
    const auto line = parse_audit_line("type=USER msg=audit(1.000:1): pid=1 msg='op=x pid=7 exe=\"/a\"'");
    EXPECT_EQ(line->field("pid"), "1");
    EXPECT_EQ(line->field("op"), "x");
    EXPECT_EQ(line->field("exe"), "/a");
}

TEST(AuditLine, IsNothingElse) {
    for (const auto *text :
         {"", "type=", "type=SYSCALL", "type= msg=audit(1.000:1): a=b", "type=A msg=audit(1:1): a=b",
          "type=A msg=audit(1.000:x): a=b", "type=A msg=audit(1.1000:1): a=b",
          "type=A msg=audit(99999999999.000:1): a=b", "type=A msg=audit(-1.000:1): a=b",
          "type=A msg=audit(1.000:1) a=b", "node=x", "node=x ", "msg=audit(1.000:1): a=b"}) {
        EXPECT_FALSE(parse_audit_line(text)) << text;
    }
    EXPECT_FALSE(parse_audit_line("type=A msg=audit(1.000:1): a=" + std::string(max_audit_line_bytes, 'b')));
}

TEST(AuditLine, HasBoundedFields) {
    std::string text = "type=A msg=audit(1.000:1):";
    for (int i = 0; i < 1'000; i++) {
        text += std::format(" f{}=x", i);
    }
    EXPECT_EQ(parse_audit_line(text)->fields.size(), max_audit_fields);
}

TEST(AuditRecord, OfAModuleThatWasLoaded) {
    const auto events = events_of(sample("module"));
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].size(), 3U); // without the end
    const auto record = audit_record(events[0]);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->source, "audit");
    EXPECT_EQ(record->action, "module_load");
    EXPECT_EQ(record->outcome, "ok");
    EXPECT_EQ(record->realtime_ns, 1'764'313'200'123'000'000U);
    EXPECT_EQ(record->actor, (ledger::Actor{.uid = 0, .pid = 1812, .comm = "modprobe", .cgroup_id = 0}));
    EXPECT_EQ(text_of(*record, "module"), "dsmil_dell");
    EXPECT_EQ(text_of(*record, "exe"), "/usr/bin/kmod");
    EXPECT_EQ(text_of(*record, "key"), "modules");
    EXPECT_TRUE(std::ranges::contains(record->values, ledger::Field{"serial", std::uint64_t{4242}}));
    EXPECT_TRUE(std::ranges::contains(record->values, ledger::Field{"login_uid", std::uint64_t{1000}}));
}

TEST(AuditRecord, OfMemoryThatWasNotOpened) {
    const auto record = audit_record(events_of(sample("memory")).at(0));
    ASSERT_TRUE(record);
    EXPECT_EQ(record->action, "memory_open");
    EXPECT_EQ(record->outcome, "failed");
    EXPECT_EQ(record->actor->comm, "dd \"");
    EXPECT_EQ(text_of(*record, "path"), "/dev/mem");
    EXPECT_TRUE(std::ranges::contains(record->context, ledger::Field{"errno", std::uint64_t{1}}));
    EXPECT_EQ(record->values.size(), 1U); // nobody had logged in
}

TEST(AuditRecord, OfARuleWithOurKeyAndOfNothingElse) {
    const auto events = events_of(sample("key"));
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(audit_record(events[0])->action, "audited");
    EXPECT_FALSE(audit_record(events[1]));
    EXPECT_FALSE(audit_record({}));
}

TEST(AuditRecord, OfANodeNamesItsDevice) {
    const auto open = [](std::string_view path) {
        return audit_record(
            events_of(std::format("type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=257 pid=1 uid=0\n"
                                  "type=PATH msg=audit(1.000:1): name=\"/dev\"\n"
                                  "type=PATH msg=audit(1.000:1): name=\"{}\"\n"
                                  "type=EOE msg=audit(1.000:1):\n",
                                  path))
                .at(0));
    };
    EXPECT_EQ(open("/dev/dsmil/8009")->device_id, 0x8009);
    EXPECT_EQ(open("/dev/dsmil/8009")->action, "node_open");
    EXPECT_EQ(text_of(*open("/dev/dsmil/8009"), "path"), "/dev/dsmil/8009");
    EXPECT_FALSE(open("/dev/dsmil/ctl")->device_id);
    EXPECT_EQ(open("/dev/wmi/dell-smbios")->action, "interface_open");
    EXPECT_EQ(open("/dev/port")->action, "memory_open");
    EXPECT_FALSE(open("/dev/null"));
    EXPECT_FALSE(open("/home/x/dev/mem"));
}

TEST(AuditEvents, ThatMixArePutTogether) {
    const auto events = events_of("type=SYSCALL msg=audit(1.000:1): pid=1\n"
                                  "type=SYSCALL msg=audit(1.000:2): pid=2\n"
                                  "type=PATH msg=audit(1.000:1): name=\"/a\"\n"
                                  "type=EOE msg=audit(1.000:2):\n"
                                  "type=EOE msg=audit(1.000:1):\n"
                                  "type=EOE msg=audit(1.000:9):\n");
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].front().serial, 2U);
    EXPECT_EQ(events[1].size(), 2U);
}

TEST(AuditEvents, WithoutEndAreBounded) {
    AuditEvents events;
    std::size_t whole = 0;
    for (int i = 0; i < 100; i++) {
        whole +=
            events.take(*parse_audit_line(std::format("type=SYSCALL msg=audit(1.000:{}): pid=1", i))).size();
    }
    EXPECT_EQ(whole, 100 - AuditEvents::max_open);
    for (int i = 0; i < 1'000; i++) {
        EXPECT_TRUE(events.take(*parse_audit_line("type=PATH msg=audit(1.000:99): name=\"/a\"")).empty());
    }
    for (const auto &event : events.flush()) {
        EXPECT_LE(event.size(), AuditEvents::max_event_lines);
    }
}

// So that a minute does not end within a test.
class StillClock final : public Clock {
  public:
    [[nodiscard]] std::uint64_t boottime_ns() const override { return 1'000'000'000; }
    [[nodiscard]] std::uint64_t realtime_ns() const override { return 1'764'000'000'000'000'000; }
};

class AuditSourceTest : public testing::Test {
  protected:
    void SetUp() override {
        ledger::ServiceOptions options;
        options.state_dir = directory.path("");
        options.ledger.path = directory.path("ledger.db");
        options.ledger.default_origin = "test.example/log";
        ASSERT_TRUE(ledger.start(std::move(options)));
    }
    void listen() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(static_cast<char *>(address.sun_path), path.size());
        server = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ::unlink(path.c_str());
        ASSERT_EQ(::bind(server.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)), 0);
        ASSERT_EQ(::listen(server.get(), 1), 0);
    }
    void accept() { peer = Fd(::accept(server.get(), nullptr, nullptr)); }
    void say(std::string_view text) const {
        ASSERT_EQ(::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    void await(std::uint64_t size) {
        test::run_until(reactor, [&] { return ledger.snapshot().head.size >= size; });
    }
    std::vector<ledger::Record> records() {
        std::optional<std::vector<ledger::Record>> read;
        ledger.read(0, 1'000, [&](Result<std::vector<ledger::Record>> result) { read = std::move(*result); });
        test::run_until(reactor, [&] { return read.has_value(); });
        return *read;
    }

    test::TempDir directory;
    std::string path = directory.path("audispd_events");
    Fd server;
    Fd peer;
    test::TestLog log;
    test::TestKey key;
    Reactor reactor;
    ledger::Service ledger{reactor, log.log, system_clock(), key};
    StillClock clock;
    AuditSource source{reactor, log.log, clock, ledger};
};

TEST_F(AuditSourceTest, WhatThePluginSaysIsInTheLedger) {
    listen();
    source.follow_socket(path);
    accept();
    say("type=USER_AUTH msg=audit(1.000:1): pid=1 uid=0\n" + sample("module"));
    await(1);
    say(sample("memory"));
    await(2);
    const auto kept = records();
    ASSERT_EQ(kept.size(), 2U);
    EXPECT_EQ(kept[0].action, "module_load");
    EXPECT_EQ(kept[1].action, "memory_open");
    EXPECT_NE(kept[0].boot_id, Id128{});
    EXPECT_EQ(source.counts().records, 2U);
    EXPECT_EQ(source.counts().lines, 9U);
    EXPECT_EQ(source.counts().malformed, 0U);
}

TEST_F(AuditSourceTest, LinesComeInPiecesAndSomeAreNone) {
    listen();
    source.follow_socket(path);
    accept();
    say("nonsense\n" + std::string(max_audit_line_bytes + 100, 'x'));
    say("\n");
    const std::string text = sample("memory");
    for (std::size_t at = 0; at < text.size(); at += 7) { // nobody reads yet: it holds 200
        say(std::string_view(text).substr(at, 7));
    }
    await(1);
    EXPECT_EQ(records().at(0).action, "memory_open");
    EXPECT_EQ(source.counts().malformed, 2U);
}

TEST_F(AuditSourceTest, APluginThatGoesAwayIsSaidAndFollowedAgain) {
    listen();
    source.follow_socket(path);
    accept();
    say(sample("module"));
    await(1);
    peer = Fd();
    test::run_until(reactor, [&] {
        return std::ranges::any_of(log.events,
                                   [](const auto &e) { return e.event_type == "audit_disconnected"; });
    });
    test::run_until(reactor, [&] {
        return std::ranges::count(log.events, "audit_connected", &LogEvent::event_type) == 2;
    });
    accept();
    say(sample("memory"));
    await(2);
}

TEST_F(AuditSourceTest, AFloodIsCountedAndTold) {
    listen();
    source.follow_socket(path);
    accept();
    std::string flood;
    for (int i = 0; i < 200; i++) {
        flood += std::format("type=CONFIG_CHANGE msg=audit(1.000:{}): key=\"dsmil\"\n", i);
    }
    std::uint64_t said = 0;
    while (source.counts().lost == 0) {
        ASSERT_LT(said, 100'000U);
        say(flood);
        said += 200;
        test::run_until(reactor, [&] { return source.counts().lines == said; });
    }
    test::run_until(reactor,
                    [&] { return source.counts().records + source.counts().lost > said; }); // and the gap
    const auto size = ledger.snapshot().head.size;
    EXPECT_LE(size, AuditSource::max_per_minute + 100);
    std::optional<Result<ledger::Found>> gaps;
    ledger.search(ledger::Query::parse({{"source", "audit"}, {"action", "gap"}}).value(), 0, 10,
                  [&](Result<ledger::Found> found) { gaps = std::move(found); });
    test::run_until(reactor, [&] { return gaps.has_value(); });
    EXPECT_FALSE((*gaps)->records.empty());
}

TEST_F(AuditSourceTest, TheKernelsMulticastIsReadMessageByMessage) {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM, 0, pair.data()), 0);
    const Fd kernel(pair[0]);
    source.follow_kernel(Fd(pair[1]));
    const auto tell = [&](std::uint16_t type, std::string_view text) {
        nlmsghdr header{};
        header.nlmsg_len = static_cast<std::uint32_t>(text.size());
        header.nlmsg_type = type;
        std::string message(reinterpret_cast<const char *>(&header), sizeof(header));
        message += text;
        ASSERT_EQ(::send(kernel.get(), message.data(), message.size(), 0),
                  static_cast<ssize_t>(message.size()));
    };
    tell(AUDIT_SYSCALL,
         "audit(1764313200.123:7): arch=c000003e syscall=176 success=yes exit=0 pid=9 uid=0 comm=\"rmmod\"");
    tell(AUDIT_EOE, "audit(1764313200.123:7): ");
    ASSERT_EQ(::send(kernel.get(), "x", 1, 0), 1);
    await(1);
    const auto kept = records();
    EXPECT_EQ(kept.at(0).action, "module_unload");
    EXPECT_EQ(kept.at(0).actor->comm, "rmmod");
    test::run_until(reactor, [&] { return source.counts().malformed == 1; });
}

} // namespace
} // namespace dsmil::ingest
