// SPDX-License-Identifier: Apache-2.0
#include "https/server.hpp"

#include "api/accept_loop.hpp"
#include "api/http.hpp"
#include "base/reactor_asio.hpp"
#include "https/tls_asio.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <exception>
#include <format>
#include <map>
#include <set>
#include <utility>

namespace dsmil::https {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using api::as_result;
using asio::ip::tcp;
using Stream = asio::ssl::stream<beast::tcp_stream>;

namespace {

// After an answer to a request that was not read to its end: who still sends gets the answer
// before the connection is reset.
constexpr std::chrono::seconds linger{2};
constexpr std::size_t linger_bytes = 1UZ << 20U;

// Gives back what it took.
class Share {
  public:
    Share() = default;
    Share(std::uint64_t &left, std::uint64_t bytes) : left_(&left), bytes_(bytes) { *left_ -= bytes_; }
    Share(Share &&other) noexcept
        : left_(std::exchange(other.left_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Share &operator=(Share &&other) noexcept {
        std::swap(left_, other.left_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~Share() {
        if (left_ != nullptr) {
            *left_ += bytes_;
        }
    }

  private:
    std::uint64_t *left_ = nullptr;
    std::uint64_t bytes_ = 0;
};

asio::awaitable<void> drain(Stream &stream) {
    beast::get_lowest_layer(stream).expires_after(linger);
    std::array<char, 16'384> place{};
    for (std::size_t read = 0; read < linger_bytes;) {
        const auto [error, size] = co_await stream.async_read_some(asio::buffer(place), as_result);
        if (error) {
            co_return;
        }
        read += size;
    }
}

asio::awaitable<bool> send_continue(Stream &stream) {
    const http::response<http::empty_body> message(http::status::continue_, 11);
    const auto [error, size] = co_await http::async_write(stream, message, as_result);
    co_return !error;
}

} // namespace

struct Server::State : std::enable_shared_from_this<State> {
    State(Reactor &the_reactor, const Log &the_log, const TlsContext &the_tls, ServerOptions the_options)
        : reactor(the_reactor), log(the_log), tls(asio_context(the_tls)), options(std::move(the_options)),
          loop(reactor, log, max_connections, [this](tcp::socket socket) { take(std::move(socket)); }),
          budget(options.budget_bytes) {}

    // A request, or why there is none; neither when the connection ended.
    struct Received {
        std::optional<Request> request;
        std::optional<Error> error;
        bool keep_alive = false;
        Share share; // of the budget, as long as the body lives
    };

    Result<void> listen();
    void take(tcp::socket socket);
    // The parameters of a coroutine are its own: by value.
    static asio::awaitable<void> serve(std::shared_ptr<State> state, tcp::socket socket);
    asio::awaitable<void> converse(Stream &stream, const Identity &client);
    asio::awaitable<Received> receive(Stream &stream, beast::flat_buffer &buffer, const Identity &client);
    Result<Share> reserve(const std::optional<std::uint64_t> &length, std::uint64_t limit);
    asio::awaitable<api::Response> ask(Request request);

    Reactor &reactor;
    const Log &log;
    asio::ssl::context tls;
    ServerOptions options;
    api::AcceptLoop<tcp> loop;
    std::uint64_t budget; // that is left
    ServerNumbers numbers;
    std::map<std::string, std::size_t> of_one; // connections by fingerprint
    std::set<beast::tcp_stream *> idle;        // connections that wait for a request
};

Result<void> Server::State::listen() {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(options.address, error);
    if (error) {
        return fail(Code::config_invalid, std::format("\"{}\" is no IP address", options.address));
    }
    const tcp::endpoint endpoint(address, options.port);
    auto &acceptor = loop.acceptor();
    acceptor.open(endpoint.protocol(), error);
    if (!error) {
        acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    }
    if (!error) {
        acceptor.bind(endpoint, error);
    }
    if (!error) {
        acceptor.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error) {
        const Code code = error == asio::error::address_in_use  ? Code::conflict
                          : error == asio::error::access_denied ? Code::permission
                                                                : Code::failed;
        return fail(code, std::format("listening on {} port {}", options.address, options.port),
                    {error.message()});
    }
    return {};
}

void Server::State::take(tcp::socket socket) {
    loop.begun();
    asio::co_spawn(reactor.impl().context, serve(shared_from_this(), std::move(socket)),
                   [self = shared_from_this()](const std::exception_ptr &bug) {
                       if (bug) {
                           std::rethrow_exception(bug);
                       }
                       self->loop.ended(self);
                   });
}

asio::awaitable<void> Server::State::serve(std::shared_ptr<State> state, tcp::socket socket) {
    Stream stream(beast::tcp_stream(std::move(socket)), state->tls);
    beast::get_lowest_layer(stream).expires_after(handshake_timeout);
    const auto [failed] = co_await stream.async_handshake(asio::ssl::stream_base::server, as_result);
    const auto client = failed ? Result<Identity>(fail(Code::tls_failed, failed.message()))
                               : peer_identity(stream.native_handle());
    if (!client) {
        state->numbers.handshakes_failed++;
        state->log.write(
            {.level = LogLevel::debug, .event_type = "handshake_failed", .message = client.error().detail});
        co_return;
    }
    auto &count = state->of_one[client->fingerprint];
    if (count >= max_connections_of_one) {
        state->numbers.turned_away++;
    } else {
        count++;
        co_await state->converse(stream, *client);
        if (--state->of_one[client->fingerprint] == 0) {
            state->of_one.erase(client->fingerprint);
        }
    }
    beast::get_lowest_layer(stream).expires_after(linger);
    co_await stream.async_shutdown(as_result);
}

asio::awaitable<void> Server::State::converse(Stream &stream, const Identity &client) {
    beast::flat_buffer buffer(max_header_bytes + small_body_bytes);
    bool keep_alive = true;
    while (keep_alive && !loop.stopping()) {
        auto received = co_await receive(stream, buffer, client);
        if (!received.request && !received.error) {
            co_return;
        }
        api::Response response = received.error ? api::error_response(*received.error)
                                                : co_await ask(std::move(*received.request));
        received.share = Share();
        keep_alive = received.keep_alive && !loop.stopping();
        beast::get_lowest_layer(stream).expires_after(write_timeout);
        keep_alive =
            co_await api::write_text(stream, std::move(response), keep_alive, options.name) && keep_alive;
        if (received.error && !keep_alive) {
            co_await drain(stream);
        }
    }
}

// Room for a body of this length.
Result<Share> Server::State::reserve(const std::optional<std::uint64_t> &length, std::uint64_t limit) {
    if (length && *length > limit) {
        return fail(Code::usage, std::format("the body has more than {} bytes", limit));
    }
    if (!length || *length <= small_body_bytes) {
        return Share();
    }
    if (*length > budget) {
        numbers.turned_away++;
        return fail(Code::try_again, "there is no room for so large a body just now");
    }
    return Share(budget, *length);
}

asio::awaitable<Server::State::Received> Server::State::receive(Stream &stream, beast::flat_buffer &buffer,
                                                                const Identity &client) {
    Received received;
    auto &transport = beast::get_lowest_layer(stream);
    http::request_parser<http::empty_body> head;
    head.header_limit(max_header_bytes);
    head.body_limit(boost::none);
    transport.expires_after(read_timeout);
    idle.insert(&transport);
    const auto [error, size] = co_await http::async_read_header(stream, buffer, head, as_result);
    idle.erase(&transport);
    if (error) {
        received.error = api::complaint(error, max_header_bytes, small_body_bytes);
        co_return received;
    }
    auto target = api::Target::parse(head.get().target());
    if (!target) {
        received.error = std::move(target.error());
        co_return received;
    }
    const std::uint64_t limit = options.body_limit(target->path);
    const auto length = head.content_length();
    auto share = reserve(length ? std::optional<std::uint64_t>(*length) : std::nullopt, limit);
    if (!share) {
        received.error = std::move(share.error());
        co_return received;
    }
    received.share = std::move(*share);
    if (beast::iequals(head.get()[http::field::expect], "100-continue") && !co_await send_continue(stream)) {
        co_return received;
    }
    http::request_parser<http::string_body> whole(std::move(head));
    // Without a length (chunked) a body is small.
    const std::uint64_t most = length ? limit : std::min(limit, small_body_bytes);
    whole.body_limit(most);
    const auto [body_error, body_size] = co_await http::async_read(stream, buffer, whole, as_result);
    if (body_error) {
        received.error = api::complaint(body_error, max_header_bytes, most);
        co_return received;
    }
    auto message = whole.release();
    received.keep_alive = message.keep_alive();
    received.request = Request{.method = api::method_of(message.method()),
                               .target = std::move(*target),
                               .body = std::move(message.body()),
                               .client = client};
    co_return received;
}

// What the handler answers, as something to await. It may answer before it returns.
asio::awaitable<api::Response> Server::State::ask(Request request) {
    auto initiate = [this](auto handler, Request asked) {
        options.handle(
            std::move(asked), [this, handler = std::move(handler)](api::Response response) mutable {
                asio::post(reactor.impl().context,
                           [handler = std::move(handler), response = std::move(response)]() mutable {
                               handler(std::move(response));
                           });
            });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(api::Response)>(
        initiate, asio::use_awaitable, std::move(request));
}

Server::Server(Reactor &reactor, const Log &log, const TlsContext &tls, ServerOptions options)
    : state_(std::make_shared<State>(reactor, log, tls, std::move(options))) {}

Server::~Server() {
    state_->loop.close();
}

Result<void> Server::start() {
    if (auto listening = state_->listen(); !listening) {
        return listening;
    }
    state_->loop.go(state_);
    return {};
}

void Server::stop(Task then) {
    state_->loop.stop(std::move(then));
    for (auto *transport : state_->idle) {
        transport->cancel();
    }
}

std::uint16_t Server::port() const {
    boost::system::error_code error;
    return state_->loop.acceptor().local_endpoint(error).port();
}

ServerNumbers Server::numbers() const {
    ServerNumbers numbers = state_->numbers;
    numbers.connections = state_->loop.connections();
    return numbers;
}

} // namespace dsmil::https
