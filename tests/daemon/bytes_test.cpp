// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/sha256.hpp"
#include "base/worker.hpp"
#include "support.hpp"

#include <future>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace dsmil {
namespace {

TEST(Hex, RefusesOddLengthAndStrangers) {
    EXPECT_FALSE(from_hex("abc"));
    EXPECT_FALSE(from_hex("zz"));
    EXPECT_FALSE(from_hex(" 0"));
}

TEST(Hex, GoesThereAndBack) {
    EXPECT_EQ(to_hex(Bytes{0x00, 0xAB, 0xff}), "00abff");
    EXPECT_EQ(from_hex("00ABff"), (Bytes{0x00, 0xAB, 0xff}));
}

TEST(Base64, RefusesWhatIsNotCanonical) {
    for (const auto *text : {"A", "AAA", "AA=", "A===", "AB==", "AAB=", "AA==\n",
                             " AA=", "====", "AAAA====", "A=AA", "Zm9v YmF="}) {
        EXPECT_FALSE(from_base64(text)) << text;
    }
}

TEST(Base64, AgreesWithRfc4648) {
    // Section 10.
    for (const auto &[plain, coded] : {std::pair("", ""),
                                       {"f", "Zg=="},
                                       {"fo", "Zm8="},
                                       {"foo", "Zm9v"},
                                       {"foob", "Zm9vYg=="},
                                       {"fooba", "Zm9vYmE="},
                                       {"foobar", "Zm9vYmFy"}}) {
        EXPECT_EQ(to_base64(as_bytes(plain)), coded);
        const auto decoded = from_base64(coded);
        ASSERT_TRUE(decoded) << coded;
        EXPECT_EQ(as_text(*decoded), plain);
    }
}

TEST(Utf8, RefusesOverlongSurrogatesAndBeyond) {
    for (const auto *text : {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80", "\xC3",
                             "\xF5\x80\x80\x80"}) {
        EXPECT_FALSE(is_utf8(text));
    }
    EXPECT_TRUE(is_utf8("plain, \u00e9, \u2014, \U0001F600"));
}

TEST(Sha256, AgreesWithFips180) {
    EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256({as_bytes("a"), as_bytes("bc")}), sha256(as_bytes("abc")));
}

TEST(File, SaysWhatIsMissingAndWhatIsTooLarge) {
    const test::TempDir directory;
    EXPECT_EQ(read_file(directory.path("none"), 10).error().code, Code::not_found);
    ASSERT_TRUE(write_file(directory.path("file"), as_bytes("12345678901"), 0600));
    EXPECT_EQ(read_file(directory.path("file"), 10).error().code, Code::failed);
    EXPECT_EQ(write_file(directory.path("none/file"), as_bytes("1"), 0600).error().code, Code::not_found);
}

TEST(File, IsReplacedAsAWholeWithItsMode) {
    const test::TempDir directory;
    const std::string path = directory.path("file");
    ASSERT_TRUE(write_file(path, as_bytes("one"), 0600));
    ASSERT_TRUE(write_file(path, as_bytes("two"), 0600));
    EXPECT_EQ(read_file(path, 10).value(), "two");
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
    EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

TEST(File, ADirectoryHasOneOwnerAtATime) {
    const test::TempDir directory;
    auto first = lock_directory(directory.path(""));
    ASSERT_TRUE(first);
    EXPECT_EQ(lock_directory(directory.path("")).error().code, Code::conflict);
    first = fail(Code::failed, "given back");
    EXPECT_TRUE(lock_directory(directory.path("")));
}

TEST(Worker, RefusesMoreThanItsLimit) {
    Worker worker("test");
    std::promise<void> gate;
    ASSERT_TRUE(worker.submit(0, [wait = gate.get_future()] { wait.wait(); }));
    std::size_t taken = 0;
    while (worker.submit(0, [] {})) {
        taken++;
    }
    EXPECT_GE(taken, Worker::queue_limit - 1);
    EXPECT_LE(taken, Worker::queue_limit);
    gate.set_value();
}

TEST(Worker, DoesTheUrgentFirstAndTheEqualInOrder) {
    Worker worker("test");
    std::promise<void> started;
    std::promise<void> gate;
    ASSERT_TRUE(worker.submit(0, [&, wait = gate.get_future()] {
        started.set_value();
        wait.wait();
    }));
    started.get_future().wait();
    std::string order;
    for (const auto &[urgency, name] : {std::pair(2U, 'c'), {1U, 'a'}, {2U, 'd'}, {1U, 'b'}}) {
        ASSERT_TRUE(worker.submit(urgency, [&order, name] { order += name; }));
    }
    gate.set_value();
    ASSERT_TRUE(worker.stop(std::chrono::minutes(1)));
    EXPECT_EQ(order, "abcd");
    EXPECT_FALSE(worker.submit(0, [] {}));
}

TEST(Worker, SaysWhenATaskHangs) {
    std::promise<void> gate;
    Worker worker("test");
    ASSERT_TRUE(worker.submit(0, [wait = gate.get_future()] { wait.wait(); }));
    EXPECT_FALSE(worker.stop(std::chrono::milliseconds(0)));
    gate.set_value();
}

TEST(Log, ALineHasTheFieldsInTheirOrder) {
    const LogEvent event{.level = LogLevel::warning,
                         .event_type = "test",
                         .message = "a \"quoted\"\nmessage",
                         .context = {{"key", "value"}},
                         .service = "dsmild",
                         .device_id = 0x8009,
                         .layer = 8};
    EXPECT_EQ(log_line(event, "now"),
              R"({"timestamp":"now","level":"warning","device_id":"0x8009","layer":8,"service":"dsmild",)"
              R"("event_type":"test","message":"a \"quoted\"\nmessage","context":{"key":"value"}})");
}

TEST(Log, WhatIsBelowTheThresholdIsNotWritten) {
    std::vector<std::string> seen;
    const Log log([&](const LogEvent &event) { seen.push_back(event.message); }, LogLevel::warning);
    log.write({.level = LogLevel::info, .event_type = "a", .message = "low"});
    log.write({.level = LogLevel::error, .event_type = "a", .message = "high"});
    EXPECT_EQ(seen, std::vector<std::string>{"high"});
}

TEST(Log, AnErrorBringsItsCausesAndItsRemedy) {
    test::TestLog log;
    log.log.write_error(LogLevel::error, "test", Error{Code::disk_full, "writing", {"outer", "root"}});
    ASSERT_EQ(log.events.size(), 1U);
    EXPECT_EQ(log.events[0].context[0], std::pair(std::string("code"), std::string("disk_full")));
    EXPECT_EQ(log.events[0].context[2].second, "root");
    EXPECT_EQ(log.events[0].context[3].first, "remedy");
}

} // namespace
} // namespace dsmil
