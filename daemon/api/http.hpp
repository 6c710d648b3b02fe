// SPDX-License-Identifier: Apache-2.0
// Messages as Beast has them, for the .cpp files of servers. Not for headers.
#pragma once

#include "api/message.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http.hpp>
#include <format>
#include <optional>
#include <string_view>

namespace dsmil::api {

inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

[[nodiscard]] inline Method method_of(boost::beast::http::verb verb) {
    namespace http = boost::beast::http;
    return verb == http::verb::get ? Method::get : verb == http::verb::post ? Method::post : Method::other;
}

// What the parser could not read, in our words; nothing when the connection just ended.
[[nodiscard]] inline std::optional<Error> complaint(const boost::system::error_code &error,
                                                    std::uint32_t header_limit, std::uint64_t body_limit) {
    namespace http = boost::beast::http;
    if (error == http::error::header_limit) {
        return Error{Code::usage, std::format("the header has more than {} bytes", header_limit), {}};
    }
    if (error == http::error::body_limit) {
        return Error{Code::usage, std::format("the body has more than {} bytes", body_limit), {}};
    }
    if (error == http::error::end_of_stream || error == http::error::partial_message ||
        error.category() != http::make_error_code(http::error::bad_method).category()) {
        return std::nullopt;
    }
    return Error{Code::usage, "the request is not HTTP/1.1", {error.message()}};
}

template <typename Message>
void set_header(Message &message, const Response &response, bool keep_alive, std::string_view server) {
    namespace http = boost::beast::http;
    message.set(http::field::server, server);
    message.set(http::field::content_type, response.content_type);
    message.set(http::field::cache_control, "no-store");
    message.keep_alive(keep_alive);
}

template <typename Stream>
boost::asio::awaitable<bool> write_text(Stream &stream, Response response, bool keep_alive,
                                        std::string_view server) {
    namespace http = boost::beast::http;
    http::response<http::string_body> message(static_cast<http::status>(response.status), 11);
    set_header(message, response, keep_alive, server);
    message.body() = std::move(response.body);
    message.prepare_payload();
    const auto [error, size] = co_await http::async_write(stream, message, as_result);
    co_return !error;
}

} // namespace dsmil::api
