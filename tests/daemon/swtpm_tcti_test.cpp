// SPDX-License-Identifier: Apache-2.0
// Our own way to swtpm's socket; the test is the TPM, and answers in pieces, nothing, or nonsense.
#include "dsmil/fd.hpp"
#include "support.hpp"
#include "tpm/swtpm_tcti.hpp"

#include <gtest/gtest.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <tss2/tss2_tcti.h>

namespace dsmil::tpm {
namespace {

const Bytes command = {0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7B, 0, 8};
const Bytes answer = {0x80, 0x01, 0, 0, 0, 14, 0, 0, 0, 0, 0, 2, 0xAB, 0xCD};

class SwtpmTctiTest : public testing::Test {
  protected:
    void SetUp() override {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(static_cast<char *>(address.sun_path), sizeof(address.sun_path) - 1);
        ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)), 0);
        ASSERT_EQ(::listen(listener.get(), 4), 0);
        auto opened = open_swtpm("path=" + path);
        ASSERT_TRUE(opened) << opened.error().detail;
        tcti.emplace(std::move(*opened));
        ASSERT_TRUE(Fd(::accept(listener.get(), nullptr, nullptr))); // of the first look
    }
    // Sends the command; the TPM has it then.
    void send() {
        ASSERT_EQ(Tss2_Tcti_Transmit(tcti->get(), command.size(), command.data()), TSS2_RC_SUCCESS);
        peer = Fd(::accept(listener.get(), nullptr, nullptr));
        Bytes seen(command.size());
        ASSERT_EQ(::recv(peer.get(), seen.data(), seen.size(), MSG_WAITALL),
                  static_cast<ssize_t>(seen.size()));
        EXPECT_EQ(seen, command);
    }
    void say(ByteView bytes) const {
        ASSERT_EQ(::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    TSS2_RC receive(std::int32_t timeout = 0) {
        std::size_t size = got.size();
        const TSS2_RC code = Tss2_Tcti_Receive(tcti->get(), &size, got.data(), timeout);
        got_size = size;
        return code;
    }
    [[nodiscard]] bool shows_an_answer() {
        std::size_t count = 1;
        TSS2_TCTI_POLL_HANDLE handle{};
        EXPECT_EQ(Tss2_Tcti_GetPollHandles(tcti->get(), &handle, &count), TSS2_RC_SUCCESS);
        pollfd waiting{handle.fd, POLLIN, 0};
        return ::poll(&waiting, 1, 0) == 1;
    }

    test::TempDir directory;
    std::string path = directory.path("swtpm.sock");
    Fd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    Fd peer;
    std::optional<Tcti> tcti;
    Bytes got = Bytes(TPM2_MAX_RESPONSE_SIZE);
    std::size_t got_size = 0;
};

TEST_F(SwtpmTctiTest, AnAnswerInPiecesIsOneWhenItIsWhole) {
    for (int times = 0; times < 3; times++) {
        send();
        EXPECT_FALSE(shows_an_answer());
        EXPECT_EQ(receive(), TSS2_TCTI_RC_TRY_AGAIN);
        for (const auto at : {0U, 5U, 10U}) {
            say(ByteView(answer).subspan(at, at == 10 ? 4 : 5));
            EXPECT_TRUE(shows_an_answer());
            EXPECT_EQ(receive(), at == 10 ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_TRY_AGAIN);
        }
        EXPECT_EQ(Bytes(got.begin(), got.begin() + static_cast<long>(got_size)), answer);
        EXPECT_FALSE(shows_an_answer()); // of the next command
    }
}

TEST_F(SwtpmTctiTest, WhoWaitsGetsItWhole) {
    send();
    say(answer);
    EXPECT_EQ(receive(TSS2_TCTI_TIMEOUT_BLOCK), TSS2_RC_SUCCESS);
    EXPECT_EQ(got_size, answer.size());
}

TEST_F(SwtpmTctiTest, TheSizeMayBeAskedFirst) {
    send();
    say(answer);
    std::size_t size = 0;
    EXPECT_EQ(Tss2_Tcti_Receive(tcti->get(), &size, nullptr, 0), TSS2_RC_SUCCESS);
    EXPECT_EQ(size, answer.size());
    size = 4;
    EXPECT_EQ(Tss2_Tcti_Receive(tcti->get(), &size, got.data(), 0), TSS2_TCTI_RC_INSUFFICIENT_BUFFER);
    EXPECT_EQ(receive(), TSS2_RC_SUCCESS);
}

TEST_F(SwtpmTctiTest, OneThatEndsInTheMiddleIsAnErrorAndTheNextCommandGoes) {
    for (const std::size_t size : {0UZ, 3UZ, 10UZ, 13UZ}) {
        send();
        if (size != 0) {
            say(ByteView(answer).first(size));
        }
        peer = Fd();
        EXPECT_EQ(receive(TSS2_TCTI_TIMEOUT_BLOCK), TSS2_TCTI_RC_IO_ERROR) << size;
    }
    send();
    say(answer);
    EXPECT_EQ(receive(), TSS2_RC_SUCCESS);
}

TEST_F(SwtpmTctiTest, ASizeThatIsNoneIsAnError) {
    for (const std::uint8_t high : Bytes{0x00, 0x7F}) {
        send();
        Bytes wrong = answer;
        wrong[2] = high;
        wrong[5] = 9; // less than a header, or more than any answer
        say(wrong);
        EXPECT_EQ(receive(), TSS2_TCTI_RC_MALFORMED_RESPONSE);
    }
}

TEST_F(SwtpmTctiTest, OneCommandIsUnderWayAtATime) {
    EXPECT_EQ(receive(), TSS2_TCTI_RC_BAD_SEQUENCE);
    send();
    EXPECT_EQ(Tss2_Tcti_Transmit(tcti->get(), command.size(), command.data()), TSS2_TCTI_RC_BAD_SEQUENCE);
}

TEST(SwtpmTcti, APlaceThatIsNoneIsAUsageError) {
    for (const auto *where :
         {"path=", "path", "port=0", "port=65536", "port=1x", "host=", "nonsense=1", ",", "path=a,b"}) {
        const auto opened = open_swtpm(where);
        ASSERT_FALSE(opened) << where;
        EXPECT_EQ(opened.error().code, Code::usage) << where;
    }
    EXPECT_EQ(open_swtpm(std::string("path=") + std::string(108, 'x')).error().code, Code::usage);
    EXPECT_EQ(open_swtpm("path=/nonexistent/swtpm").error().code, Code::tpm_missing);
    EXPECT_EQ(open_swtpm("host=127.0.0.1,port=1").error().code, Code::tpm_missing);
}

} // namespace
} // namespace dsmil::tpm
