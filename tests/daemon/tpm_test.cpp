// SPDX-License-Identifier: Apache-2.0
// The TPM layer over a software TPM. Skipped where swtpm is not installed.
#include "base/file.hpp"
#include "ledger/note.hpp"
#include "support.hpp"

#include "tpm/service.hpp"
#include "tpm/tpm.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <format>
#include <gtest/gtest.h>
#include <numeric>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dsmil::tpm {
namespace {

// swtpm on sockets that listen before it starts: who connects early waits.
class Swtpm {
  public:
    explicit Swtpm(const test::TempDir &directory, const std::string &name = "tpm")
        : path_(directory.path(name)) {
        const std::string state = directory.path(name + ".state");
        std::filesystem::create_directory(state);
        const Fd server = listen_at(path_);
        const Fd control = listen_at(path_ + ".ctrl");
        std::vector<std::string> arguments = {"swtpm",
                                              "socket",
                                              "--tpm2",
                                              "--flags",
                                              "startup-clear",
                                              "--tpmstate",
                                              "dir=" + state,
                                              "--server",
                                              std::format("type=unixio,fd={}", server.get()),
                                              "--ctrl",
                                              std::format("type=unixio,fd={}", control.get())};
        std::vector<char *> pointers;
        for (auto &argument : arguments) {
            pointers.push_back(argument.data());
        }
        pointers.push_back(nullptr);
        posix_spawn_file_actions_t actions{};
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        running_ = ::posix_spawnp(&pid_, "swtpm", &actions, nullptr, pointers.data(), environ) == 0;
        posix_spawn_file_actions_destroy(&actions);
    }
    ~Swtpm() { stop(); }
    Swtpm(const Swtpm &) = delete;
    Swtpm &operator=(const Swtpm &) = delete;

    void stop() {
        if (std::exchange(running_, false)) {
            ::kill(pid_, SIGTERM);
            ::waitpid(pid_, nullptr, 0);
        }
    }
    [[nodiscard]] bool running() const { return running_; }
    [[nodiscard]] std::string tcti() const { return "swtpm:path=" + path_; }

  private:
    // Survives exec: swtpm inherits it.
    static Fd listen_at(const std::string &path) {
        ::unlink(path.c_str());
        Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(static_cast<char *>(address.sun_path), sizeof(address.sun_path) - 1);
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)), 0);
        EXPECT_EQ(::listen(fd.get(), 4), 0);
        return fd;
    }

    std::string path_;
    pid_t pid_ = 0;
    bool running_ = false;
};

class TpmTest : public testing::Test {
  protected:
    void SetUp() override {
        ::setenv("TSS2_LOG", "all+none", 1);
        if (!swtpm.running()) {
            GTEST_SKIP() << "swtpm is not installed";
        }
    }
    [[nodiscard]] Result<std::unique_ptr<Tpm>> open() const {
        return Tpm::open(swtpm.tcti(), directory.path(""));
    }

    test::TempDir directory;
    Swtpm swtpm{directory};
};

TEST_F(TpmTest, ThatIsNotThereIsMissing) {
    const auto tpm = Tpm::open("swtpm:path=/nonexistent", directory.path(""));
    ASSERT_FALSE(tpm);
    EXPECT_EQ(tpm.error().code, Code::tpm_missing);
    EXPECT_EQ(Tpm::open("nonsense:", directory.path("")).error().code, Code::tpm_missing);
}

TEST_F(TpmTest, SignsWithAKeyThatOpensslKnows) {
    auto tpm = open().value();
    const std::string text = "a text\n";
    const auto signature = tpm->sign(sha256(as_bytes(text)));
    ASSERT_TRUE(signature) << signature.error().causes.front();
    const auto key = ledger::VerifierKey::ecdsa("log", tpm->checkpoint_spki()).value();
    EXPECT_EQ(ledger::verify(ledger::Note{text, {{"log", key.id, *signature}}}, key),
              ledger::NoteVerdict::signed_by_key);
}

TEST_F(TpmTest, QuotesAnyNumberOfPcrs) {
    auto tpm = open().value();
    for (const std::size_t count : {1, 8, 9, 24}) {
        std::vector<unsigned> pcrs(count);
        std::iota(pcrs.begin(), pcrs.end(), 0U);
        const Bytes nonce(max_nonce_bytes, static_cast<std::uint8_t>(count));
        const auto quote = tpm->quote(nonce, pcrs);
        ASSERT_TRUE(quote) << quote.error().detail;
        EXPECT_EQ(quote->bundle.pcrs.size(), count);
        EXPECT_TRUE(verify_quote(quote->bundle, nonce, pcrs));
        EXPECT_EQ(quote->manufacturer, "IBM");
    }
}

TEST_F(TpmTest, MakesItsKeysOnce) {
    const auto first = open().value()->checkpoint_spki();
    EXPECT_EQ(open().value()->checkpoint_spki(), first);
}

TEST_F(TpmTest, LeavesNothingLoadedBehind) {
    // swtpm has three places and no resource manager: a leak fails soon.
    for (int i = 0; i < 5; i++) {
        const auto tpm = open();
        ASSERT_TRUE(tpm) << i;
        ASSERT_TRUE((*tpm)->sign(Hash{}));
    }
}

TEST_F(TpmTest, RefusesDamagedKeyFiles) {
    static_cast<void>(open().value());
    ASSERT_TRUE(write_file(directory.path("checkpoint-key.priv"), as_bytes("damaged"), 0600));
    const auto tpm = open();
    ASSERT_FALSE(tpm);
    EXPECT_EQ(tpm.error().code, Code::tpm_failed);
}

TEST_F(TpmTest, RefusesAKeyOfAnotherPurpose) {
    static_cast<void>(open().value());
    // Somebody puts the unrestricted key in the place of the restricted one.
    for (const auto *part : {".pub", ".priv"}) {
        const auto content = read_file(directory.path(std::string("checkpoint-key") + part), 4096).value();
        ASSERT_TRUE(
            write_file(directory.path(std::string("attestation-key") + part), as_bytes(content), 0600));
    }
    const auto tpm = open();
    ASSERT_FALSE(tpm);
    EXPECT_NE(tpm.error().detail.find("another purpose"), std::string::npos);
}

TEST_F(TpmTest, ExplainsKeysOfAnotherTpm) {
    static_cast<void>(open().value());
    const Swtpm other(directory, "other");
    const auto tpm = Tpm::open(other.tcti(), directory.path(""));
    ASSERT_FALSE(tpm);
    EXPECT_EQ(tpm.error().code, Code::tpm_failed);
    ASSERT_EQ(tpm.error().causes.size(), 2U);
    EXPECT_NE(tpm.error().causes[1].find("another TPM"), std::string::npos);
}

class TpmServiceTest : public TpmTest {
  protected:
    test::TestLog log;
    Reactor reactor;
};

TEST_F(TpmServiceTest, BecomesReadyAndSigns) {
    Service service(reactor, log.log, swtpm.tcti(), directory.path(""));
    EXPECT_TRUE(service.trouble());
    EXPECT_FALSE(service.public_key());
    std::optional<Result<Bytes>> signature;
    service.start(
        [&] { service.sign(Hash{}, [&](Result<Bytes> result) { signature = std::move(result); }); });
    test::run_until(reactor, [&] { return signature.has_value(); });
    EXPECT_TRUE(*signature);
    EXPECT_FALSE(service.trouble());
    EXPECT_TRUE(service.public_key());
    EXPECT_TRUE(service.stop(std::chrono::minutes(1)));
}

TEST_F(TpmServiceTest, AnswersWhoAsksBeforeItIsOpen) {
    Service service(reactor, log.log, swtpm.tcti(), directory.path(""));
    service.start([] {});
    std::optional<Result<Quote>> quote;
    service.quote(Bytes(8, 1), {0}, [&](Result<Quote> result) { quote = std::move(result); });
    test::run_until(reactor, [&] { return quote.has_value(); });
    EXPECT_TRUE(*quote);
}

TEST_F(TpmServiceTest, FailsAtOnceWithoutATpmAndTellsOnce) {
    swtpm.stop();
    Service service(reactor, log.log, "swtpm:path=/nonexistent", directory.path(""),
                    std::chrono::milliseconds(1));
    service.start([] {});
    std::optional<Result<Bytes>> signature;
    service.sign(Hash{}, [&](Result<Bytes> result) { signature = std::move(result); });
    test::run_until(reactor, [&] { return signature.has_value(); });
    EXPECT_EQ(signature->error().code, Code::tpm_missing);
    EXPECT_FALSE(signature->error().causes.empty());
    // It tries again, with longer and longer pauses, and says no more about it.
    test::run_until(reactor, [&, rounds = 0]() mutable { return ++rounds == 20; });
    EXPECT_EQ(std::ranges::count(log.events, "tpm_unavailable", &LogEvent::event_type), 1);
}

TEST_F(TpmServiceTest, FindsATpmThatComesLater) {
    swtpm.stop();
    Service service(reactor, log.log, swtpm.tcti(), directory.path(""), std::chrono::milliseconds(1));
    bool ready = false;
    service.start([&] { ready = true; });
    test::run_until(reactor, [&] { return service.trouble()->code == Code::tpm_missing; });
    const Swtpm later(directory);
    test::run_until(reactor, [&] { return ready; });
    EXPECT_FALSE(service.trouble());
}

} // namespace
} // namespace dsmil::tpm
