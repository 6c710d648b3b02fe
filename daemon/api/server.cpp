// SPDX-License-Identifier: Apache-2.0
#include "api/server.hpp"

#include "api/accept_loop.hpp"
#include "api/http.hpp"
#include "base/reactor_asio.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <exception>
#include <format>
#include <map>
#include <optional>
#include <set>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace dsmil::api {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::local::stream_protocol;
using Stream = beast::basic_stream<stream_protocol>;

namespace {

constexpr std::string_view server_name = "dsmild/" DSMIL_VERSION;

sockaddr_un address_of(const std::string &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(static_cast<char *>(address.sun_path), sizeof(address.sun_path) - 1);
    return address;
}

// A socket file without a listener is left from a crash and may go; any other file is somebody's.
Result<void> remove_stale(const std::string &path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
        return {}; // Nothing is there, or bind() says what is wrong.
    }
    if (!S_ISSOCK(status.st_mode)) {
        return fail(Code::exists, std::format("the file {} is no socket (api.socket)", path));
    }
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!probe) {
        return fail_errno(Code::failed, "making a socket", errno);
    }
    const sockaddr_un address = address_of(path);
    if (::connect(probe.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) == 0) {
        return fail(Code::conflict, std::format("somebody listens on {} already", path));
    }
    if (errno == ECONNREFUSED && ::unlink(path.c_str()) != 0) {
        return fail_errno(Code::permission, std::format("removing the stale socket {}", path), errno);
    }
    return {};
}

Result<void> give_to_group(const std::string &path, const std::string &group) {
    if (group.empty()) {
        return {};
    }
    const auto gid = group_id(group);
    if (!gid) {
        return fail(Code::config_invalid, std::format("api.group: {}", gid.error().detail));
    }
    if (::chown(path.c_str(), static_cast<uid_t>(-1), *gid) != 0) {
        return fail_errno(Code::permission, std::format("giving {} to the group {}", path, group), errno);
    }
    return {};
}

Result<Fd> listen_on(const std::string &path, const std::string &group) {
    if (auto removed = remove_stale(path); !removed) {
        return std::unexpected(std::move(removed.error()));
    }
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) {
        return fail_errno(Code::failed, "making a socket", errno);
    }
    const sockaddr_un address = address_of(path);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0) {
        const Code code = errno == ENOENT   ? Code::not_found
                          : errno == EACCES ? Code::permission
                                            : Code::failed;
        return fail_errno(code, std::format("binding {}", path), errno);
    }
    // Nobody can connect before listen(): the mode and group are right by then.
    if (::chmod(path.c_str(), 0660) != 0) {
        return fail_errno(Code::permission, std::format("setting the mode of {}", path), errno);
    }
    if (auto given = give_to_group(path, group); !given) {
        return std::unexpected(std::move(given.error()));
    }
    if (::listen(fd.get(), SOMAXCONN) != 0) {
        return fail_errno(Code::failed, std::format("listening on {}", path), errno);
    }
    return fd;
}

} // namespace

struct Server::State : std::enable_shared_from_this<State> {
    State(Reactor &the_reactor, const Log &the_log, Api &the_api)
        : reactor(the_reactor), log(the_log), api(the_api),
          loop(reactor, log, max_connections,
               [this](stream_protocol::socket socket) { take(std::move(socket)); }) {}

    void take(stream_protocol::socket socket);
    [[nodiscard]] bool may_connect(const Peer &peer) const;
    void connection_done(std::uint32_t uid);
    // The parameters of a coroutine are its own: by value.
    static asio::awaitable<void> serve(std::shared_ptr<State> state, stream_protocol::socket socket,
                                       Peer peer);
    asio::awaitable<Response> ask(Request request);

    Reactor &reactor;
    const Log &log;
    Api &api;
    ServerOptions options;
    AcceptLoop<stream_protocol> loop;
    std::map<std::uint32_t, std::size_t> connections_of; // users
    std::set<Stream *> idle;                             // connections that wait for a request
};

namespace {

asio::awaitable<bool> write_file(Stream &stream, Response response, bool keep_alive) {
    http::response<http::file_body> message(static_cast<http::status>(response.status), 11);
    set_header(message, response, keep_alive, server_name);
    beast::file_posix file;
    file.native_handle(response.file.release());
    boost::system::error_code error;
    message.body().reset(std::move(file), error);
    if (error) {
        co_return false;
    }
    message.prepare_payload();
    const auto [write_error, size] = co_await http::async_write(stream, message, as_result);
    co_return !write_error;
}

asio::awaitable<bool> write(Stream &stream, Response response, bool keep_alive) {
    stream.expires_after(write_timeout);
    if (response.file) {
        co_return co_await write_file(stream, std::move(response), keep_alive);
    }
    co_return co_await write_text(stream, std::move(response), keep_alive, server_name);
}

} // namespace

void Server::State::take(stream_protocol::socket socket) {
    auto peer = options.peer_of(socket.native_handle());
    if (peer && !may_connect(*peer)) {
        log.write(
            {.level = LogLevel::debug,
             .event_type = "too_many_connections",
             .message = std::format("the user {} has {} connections", peer->uid, max_connections_user)});
    } else if (peer) {
        loop.begun();
        const std::uint32_t uid = peer->uid;
        connections_of[uid]++;
        asio::co_spawn(reactor.impl().context, serve(shared_from_this(), std::move(socket), std::move(*peer)),
                       [self = shared_from_this(), uid](const std::exception_ptr &bug) {
                           if (bug) {
                               std::rethrow_exception(bug);
                           }
                           self->connection_done(uid);
                       });
    } else {
        log.write_error(LogLevel::warning, "peer_unknown", peer.error());
    }
}

asio::awaitable<void> Server::State::serve(std::shared_ptr<State> state, stream_protocol::socket socket,
                                           Peer peer) {
    Stream stream(std::move(socket));
    beast::flat_buffer buffer(max_header_bytes + max_body_bytes);
    bool keep_alive = true;
    while (keep_alive && !state->loop.stopping()) {
        http::request_parser<http::string_body> parser;
        parser.header_limit(max_header_bytes);
        parser.body_limit(max_body_bytes);
        stream.expires_after(read_timeout);
        state->idle.insert(&stream);
        const auto [error, size] = co_await http::async_read(stream, buffer, parser, as_result);
        state->idle.erase(&stream);
        if (error) {
            if (const auto why = complaint(error, max_header_bytes, max_body_bytes)) {
                co_await write(stream, error_response(*why), false);
            }
            break;
        }
        auto message = parser.release();
        auto target = Target::parse(message.target());
        Response response;
        if (target) {
            Request request{method_of(message.method()), std::move(*target), std::move(message.body()), peer};
            response = co_await state->ask(std::move(request));
        } else {
            response = error_response(target.error());
        }
        keep_alive = message.keep_alive() && !state->loop.stopping();
        keep_alive = co_await write(stream, std::move(response), keep_alive) && keep_alive;
    }
    boost::system::error_code error;
    stream.socket().shutdown(stream_protocol::socket::shutdown_send, error);
}

bool Server::State::may_connect(const Peer &peer) const {
    const auto found = connections_of.find(peer.uid);
    return found == connections_of.end() || found->second < max_connections_user;
}

void Server::State::connection_done(std::uint32_t uid) {
    if (const auto found = connections_of.find(uid); --found->second == 0) {
        connections_of.erase(found);
    }
    loop.ended(shared_from_this());
}

// What the API answers, as something to await. It may answer before handle() returns.
asio::awaitable<Response> Server::State::ask(Request request) {
    auto initiate = [this](auto handler, const Request &asked) {
        api.handle(asked, [this, handler = std::move(handler)](Response response) mutable {
            asio::post(reactor.impl().context,
                       [handler = std::move(handler), response = std::move(response)]() mutable {
                           handler(std::move(response));
                       });
        });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Response)>(
        initiate, asio::use_awaitable, std::move(request));
}

Server::Server(Reactor &reactor, const Log &log, Api &api)
    : state_(std::make_shared<State>(reactor, log, api)) {}

Server::~Server() {
    state_->loop.close();
}

Result<void> Server::start(ServerOptions options) {
    auto fd = listen_on(options.path, options.group);
    if (!fd) {
        return std::unexpected(std::move(fd.error()));
    }
    state_->options = std::move(options);
    boost::system::error_code error;
    state_->loop.acceptor().assign(stream_protocol(), fd->release(), error);
    if (error) {
        return fail(Code::internal, "giving the socket to the reactor", {error.message()});
    }
    state_->loop.go(state_);
    return {};
}

void Server::stop(Task then) {
    state_->loop.stop(std::move(then));
    ::unlink(state_->options.path.c_str());
    for (Stream *stream : state_->idle) {
        stream->cancel();
    }
}

} // namespace dsmil::api
