// SPDX-License-Identifier: Apache-2.0
#include "https/client.hpp"

#include "https/tls_asio.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <format>
#include <openssl/x509_vfy.h>
#include <optional>

namespace dsmil::https {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Failure = boost::system::error_code;

constexpr std::uint32_t max_header_bytes = 8192;

// Its operations are asynchronous, because only those have a deadline; step() runs each to its end.
class Exchange {
  public:
    Exchange(const TlsContext &tls, const Peer &peer, const Call &call)
        : peer_(peer), call_(call), tls_(asio_context(tls)), stream_(context_, tls_) {}

    Result<Reply> run() {
        return connect().and_then([this] { return send(); }).and_then([this] { return receive(); });
    }

  private:
    beast::tcp_stream &transport() { return beast::get_lowest_layer(stream_); }

    Result<void> connect() {
        SSL *const ssl = stream_.native_handle();
        if (peer_.common_name.empty() && SSL_set1_host(ssl, peer_.host.c_str()) != 1) {
            return fail(Code::usage, std::format("\"{}\" is no name of a host", peer_.host));
        }
        tcp::resolver resolver(context_);
        tcp::resolver::results_type found;
        transport().expires_after(call_.patience);
        const auto resolved = step([&](auto done) {
            resolver.async_resolve(
                peer_.host, std::to_string(peer_.port),
                [&found, done](const Failure &failure, tcp::resolver::results_type results) {
                    found = std::move(results);
                    done(failure);
                });
        });
        if (resolved) {
            return unreachable(resolved);
        }
        const auto connected = step([&](auto done) {
            transport().async_connect(
                found, [done](const Failure &failure, const tcp::endpoint &) { done(failure); });
        });
        if (connected) {
            return unreachable(connected);
        }
        const auto shaken =
            step([&](auto done) { stream_.async_handshake(asio::ssl::stream_base::client, done); });
        if (shaken) {
            return untrusted(shaken);
        }
        const auto identity = peer_identity(ssl);
        if (!identity) {
            return std::unexpected(identity.error());
        }
        if (!peer_.common_name.empty() && identity->name != peer_.common_name) {
            return fail(Code::tls_failed, std::format("{}: its certificate is of another machine, not of {}",
                                                      where(), peer_.common_name));
        }
        return {};
    }

    Result<void> send() {
        http::request<http::string_body> request(call_.verb == Verb::get ? http::verb::get : http::verb::post,
                                                 call_.target, 11);
        request.set(http::field::host, peer_.host);
        request.set(http::field::user_agent, "dsmil/" DSMIL_VERSION);
        request.set(http::field::connection, "close");
        if (call_.verb == Verb::post) {
            request.set(http::field::content_type, "application/json");
            request.body() = call_.body;
        }
        request.prepare_payload();
        const auto sent = step([&](auto done) {
            http::async_write(stream_, request,
                              [done](const Failure &failure, std::size_t) { done(failure); });
        });
        // An answer may be there all the same: that the body is too large, for instance.
        write_failure_ = sent;
        return {};
    }

    Result<Reply> receive() {
        http::response_parser<http::string_body> parser;
        parser.header_limit(max_header_bytes);
        parser.body_limit(call_.max_reply_bytes);
        const auto got = step([&](auto done) {
            http::async_read(stream_, buffer_, parser,
                             [done](const Failure &failure, std::size_t) { done(failure); });
        });
        if (got == http::error::body_limit || got == http::error::header_limit) {
            return fail(Code::failed, std::format("the answer of {} is too large", where()), {got.message()});
        }
        if (got.category() == http::make_error_code(http::error::bad_version).category() &&
            got != http::error::end_of_stream) {
            return fail(Code::failed,
                        std::format("the answer of {} is not the HTTP that was expected", where()),
                        {got.message()});
        }
        if (got) {
            return broken(write_failure_ ? write_failure_ : got);
        }
        auto message = parser.release();
        return Reply{.status = message.result_int(),
                     .content_type = std::string(message[http::field::content_type]),
                     .body = std::move(message.body())};
    }

    template <typename Operation>
    Failure step(Operation operation) {
        std::optional<Failure> result;
        context_.restart();
        operation([this, &result](const Failure &failure) {
            result = failure;
            context_.stop();
        });
        context_.run_for(call_.patience);
        if (!result) { // The resolver, which has no deadline of its own.
            result = beast::error::timeout;
        }
        return *result;
    }

    [[nodiscard]] std::string where() const { return std::format("{} port {}", peer_.host, peer_.port); }

    [[nodiscard]] std::unexpected<Error> unreachable(const Failure &failure) const {
        return fail(Code::unreachable, where(), {failure.message()});
    }

    // Why the other side's certificate does not do, or what it says of ours.
    [[nodiscard]] std::unexpected<Error> untrusted(const Failure &failure) {
        const long verified = SSL_get_verify_result(stream_.native_handle());
        if (verified != X509_V_OK) {
            return fail(Code::tls_failed, std::format("{}: its certificate is not trusted", where()),
                        {X509_verify_cert_error_string(verified)});
        }
        return broken(failure);
    }

    [[nodiscard]] std::unexpected<Error> broken(const Failure &failure) const {
        if (failure.category() == asio::error::get_ssl_category()) {
            return fail(Code::tls_failed, where(), {failure.message()});
        }
        return unreachable(failure);
    }

    const Peer &peer_;
    const Call &call_;
    asio::io_context context_{1};
    asio::ssl::context tls_;
    asio::ssl::stream<beast::tcp_stream> stream_;
    beast::flat_buffer buffer_;
    Failure write_failure_;
};

} // namespace

Result<Reply> request(const TlsContext &tls, const Peer &peer, const Call &call) {
    return Exchange(tls, peer, call).run();
}

} // namespace dsmil::https
