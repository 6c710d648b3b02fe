// SPDX-License-Identifier: Apache-2.0
// One HTTP/1.1 request on standard input, its answer on standard output: what
// inetd, systemd (Accept=yes, StandardInput=socket) and socat run a program for.
#pragma once

#include "dsmil/error.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dsmilctl {

inline constexpr std::size_t max_http_head_bytes = 8192;

struct HttpHead {
    std::string method;
    std::string path; // without the query
    std::size_t content_length = 0;
    bool expects_continue = false;
};

// Of the bytes before the empty line. usage when it is none, or a body comes in another way than
// with its length (RFC 9112 section 6.3).
[[nodiscard]] dsmil::Result<HttpHead> parse_http_head(std::string_view head);

struct HttpRequest {
    HttpHead head;
    std::string body;
};

// Waits up to a minute for all of it. usage: malformed, or larger than the limits; failed: it ends early.
[[nodiscard]] dsmil::Result<HttpRequest> read_http_request(int in, int out, std::size_t max_body_bytes);

// The connection ends with it.
[[nodiscard]] std::string http_response(int status, std::string_view content_type, std::string_view body);

} // namespace dsmilctl
