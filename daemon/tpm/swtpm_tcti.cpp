// SPDX-License-Identifier: Apache-2.0
#include "tpm/swtpm_tcti.hpp"

#include "base/bytes.hpp"
#include "dsmil/fd.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <format>
#include <memory>
#include <netdb.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace dsmil::tpm {
namespace {

constexpr std::size_t header_bytes = 10; // tag, size, code
constexpr std::size_t size_at = 2;
constexpr std::uint64_t magic = 0x64736d696c737774;

struct Place {
    std::string path; // else:
    std::string host = "127.0.0.1";
    std::uint16_t port = 2'321;
};

// tpm2-tss sees only the first member.
struct Connection {
    TSS2_TCTI_CONTEXT_COMMON_V2 common{};
    Place place;
    Fd ready;  // an epoll instance: the same for all commands, readable when there is something of the answer
    Fd socket; // of the command that is under way
    Bytes answer;
};

Connection &of(TSS2_TCTI_CONTEXT *context) {
    return *reinterpret_cast<Connection *>(context);
}

std::optional<Place> parse(std::string_view where) {
    Place place;
    while (!where.empty()) {
        const auto comma = std::min(where.find(','), where.size());
        const auto word = where.substr(0, comma);
        where.remove_prefix(std::min(comma + 1, where.size()));
        const auto equals = word.find('=');
        const auto key = word.substr(0, equals);
        const auto value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
        if (key == "path" && !value.empty() && value.size() < sizeof(sockaddr_un::sun_path)) {
            place.path = value;
        } else if (key == "host" && !value.empty()) {
            place.host = value;
        } else if (key == "port") {
            const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), place.port);
            if (error != std::errc{} || end != value.data() + value.size() || place.port == 0) {
                return std::nullopt;
            }
        } else {
            return std::nullopt;
        }
    }
    return place;
}

Fd connect_to(int family, const sockaddr *address, socklen_t size) {
    Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{.tv_sec = 30, .tv_usec = 0}; // to connect, too, where too many wait for a place
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
        ::connect(fd.get(), address, size) != 0) {
        return {};
    }
    return fd;
}

Fd connect_to(const Place &place) {
    if (!place.path.empty()) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        place.path.copy(static_cast<char *>(address.sun_path), sizeof(address.sun_path) - 1);
        return connect_to(AF_UNIX, reinterpret_cast<const sockaddr *>(&address), sizeof(address));
    }
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo *found = nullptr;
    if (::getaddrinfo(place.host.c_str(), std::to_string(place.port).c_str(), &wanted, &found) != 0) {
        return {};
    }
    const std::unique_ptr<addrinfo, void (*)(addrinfo *)> owned(found, ::freeaddrinfo);
    Fd fd;
    for (const auto *each = found; each != nullptr && !fd; each = each->ai_next) {
        fd = connect_to(each->ai_family, each->ai_addr, each->ai_addrlen);
    }
    return fd;
}

bool send_all(int fd, ByteView bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
    }
    return true;
}

TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, std::size_t size, const std::uint8_t *command) {
    auto &connection = of(context);
    if (connection.socket) {
        return TSS2_TCTI_RC_BAD_SEQUENCE;
    }
    connection.answer.clear();
    connection.socket = connect_to(connection.place);
    epoll_event event{};
    event.events = EPOLLIN;
    if (!connection.socket || !send_all(connection.socket.get(), {command, size}) ||
        ::epoll_ctl(connection.ready.get(), EPOLL_CTL_ADD, connection.socket.get(), &event) != 0) {
        connection.socket = {};
        return TSS2_TCTI_RC_IO_ERROR;
    }
    return TSS2_RC_SUCCESS;
}

// How long the answer is, as it says itself; the header's length as long as that is not there.
std::size_t length_of(const Bytes &answer) {
    if (answer.size() < header_bytes) {
        return header_bytes;
    }
    std::size_t length = 0;
    for (std::size_t i = size_at; i < size_at + 4; i++) {
        length = length << 8U | answer[i];
    }
    return length;
}

// Reads what there is of `wanted` bytes. TRY_AGAIN when that is not all.
TSS2_RC fill(Connection &connection, std::size_t wanted, std::int32_t timeout) {
    while (connection.answer.size() < wanted) {
        pollfd waiting{connection.socket.get(), POLLIN, 0};
        const int ready = ::poll(&waiting, 1, timeout);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            return ready == 0 ? TSS2_TCTI_RC_TRY_AGAIN : TSS2_TCTI_RC_IO_ERROR;
        }
        const auto had = connection.answer.size();
        connection.answer.resize(wanted);
        const auto got = ::recv(connection.socket.get(), connection.answer.data() + had, wanted - had, 0);
        connection.answer.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got <= 0) {
            return TSS2_TCTI_RC_IO_ERROR;
        }
    }
    return TSS2_RC_SUCCESS;
}

TSS2_RC receive(TSS2_TCTI_CONTEXT *context, std::size_t *size, std::uint8_t *answer, std::int32_t timeout) {
    auto &connection = of(context);
    if (!connection.socket) {
        return TSS2_TCTI_RC_BAD_SEQUENCE;
    }
    TSS2_RC code = fill(connection, header_bytes, timeout);
    const std::size_t length = length_of(connection.answer);
    if (code == TSS2_RC_SUCCESS && (length < header_bytes || length > TPM2_MAX_RESPONSE_SIZE)) {
        code = TSS2_TCTI_RC_MALFORMED_RESPONSE;
    }
    if (code == TSS2_RC_SUCCESS && (answer == nullptr || *size < length)) {
        const bool asked = answer == nullptr;
        *size = length;
        return asked ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
    }
    if (code == TSS2_RC_SUCCESS) {
        code = fill(connection, length, timeout);
    }
    if (code == TSS2_TCTI_RC_TRY_AGAIN) {
        return code;
    }
    connection.socket = {}; // which the epoll instance forgets with it
    if (code == TSS2_RC_SUCCESS) {
        std::ranges::copy(connection.answer, answer);
        *size = length;
    }
    return code;
}

void finalize(TSS2_TCTI_CONTEXT * /*context*/) {} // The deleter of the Tcti does it.

TSS2_RC cancel(TSS2_TCTI_CONTEXT * /*context*/) {
    return TSS2_TCTI_RC_NOT_IMPLEMENTED; // by swtpm
}

TSS2_RC poll_handles(TSS2_TCTI_CONTEXT *context, TSS2_TCTI_POLL_HANDLE *handles, std::size_t *count) {
    *count = 1;
    if (handles != nullptr) {
        handles->fd = of(context).ready.get();
        handles->events = POLLIN;
    }
    return TSS2_RC_SUCCESS;
}

TSS2_RC locality(TSS2_TCTI_CONTEXT * /*context*/, std::uint8_t /*number*/) {
    return TSS2_TCTI_RC_NOT_IMPLEMENTED; // nobody needs another than 0
}

} // namespace

Result<Tcti> open_swtpm(std::string_view where) {
    auto place = parse(where);
    if (!place) {
        return fail(Code::usage,
                    std::format("\"{}\" is no place of a swtpm: path=FILE or host=NAME,port=NUMBER", where));
    }
    auto connection = std::make_unique<Connection>();
    connection->place = std::move(*place);
    connection->ready = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!connection->ready) {
        return fail_errno(Code::failed, "waiting for a swtpm", errno);
    }
    if (!connect_to(connection->place)) { // as tpm2-tss does: said now, not with the first command
        return fail_errno(Code::tpm_missing, std::format("connecting to the swtpm \"{}\"", where), errno);
    }
    connection->common.v1 = {.magic = magic,
                             .version = 2,
                             .transmit = transmit,
                             .receive = receive,
                             .finalize = finalize,
                             .cancel = cancel,
                             .getPollHandles = poll_handles,
                             .setLocality = locality};
    return Tcti(reinterpret_cast<TSS2_TCTI_CONTEXT *>(connection.release()), [](TSS2_TCTI_CONTEXT *context) {
        delete &of(context); // NOLINT(cppcoreguidelines-owning-memory): released above
    });
}

} // namespace dsmil::tpm
