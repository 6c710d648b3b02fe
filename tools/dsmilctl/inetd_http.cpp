// SPDX-License-Identifier: Apache-2.0
#include "inetd_http.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <format>
#include <poll.h>
#include <unistd.h>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{60};

std::unexpected<dsmil::Error> bad(std::string_view why) {
    return dsmil::fail(Code::usage, std::format("not an HTTP request: {}", why));
}

std::string lower(std::string_view text) {
    std::string lowered(text);
    std::ranges::transform(lowered, lowered.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lowered;
}

std::string_view trim(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) {
        text.remove_prefix(1);
    }
    while (text.ends_with(' ') || text.ends_with('\t')) {
        text.remove_suffix(1);
    }
    return text;
}

// A line without its end; the rest stays in `text`.
std::string_view take_line(std::string_view &text) {
    const auto end = text.find("\r\n");
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    return line;
}

Result<void> take_header(HttpHead &head, bool &has_length, std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 ||
        line.substr(0, colon).find_first_of(" \t") != line.npos) {
        return bad("a header is malformed");
    }
    const auto name = lower(line.substr(0, colon));
    const auto value = trim(line.substr(colon + 1));
    if (name == "transfer-encoding") {
        return bad("its body comes in chunks");
    }
    if (name == "content-length") {
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), head.content_length);
        if (has_length || value.empty() || error != std::errc{} || end != value.data() + value.size()) {
            return bad("its length is malformed");
        }
        has_length = true;
    }
    head.expects_continue = head.expects_continue || (name == "expect" && lower(value) == "100-continue");
    return {};
}

// More bytes, before the time is over.
Result<std::string> read_some(int in, Clock::time_point until) {
    std::array<char, 16384> chunk{};
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        pollfd waiting{in, POLLIN, 0};
        if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) == 0) {
            return dsmil::fail(Code::failed, "the request does not come");
        }
        const auto got = ::read(in, chunk.data(), chunk.size());
        if (got > 0) {
            return std::string(chunk.data(), static_cast<std::size_t>(got));
        }
        if (got == 0) {
            return dsmil::fail(Code::failed, "the request ends early");
        }
        if (errno != EINTR && errno != EAGAIN) {
            return dsmil::fail_errno(Code::failed, "reading the request", errno);
        }
    }
}

std::string_view reason(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 409:
        return "Conflict";
    case 422:
        return "Unprocessable Content";
    default:
        return "Internal Server Error";
    }
}

} // namespace

Result<HttpHead> parse_http_head(std::string_view head) {
    if (head.size() > max_http_head_bytes || head.contains('\0')) {
        return bad("its head is too large or no text");
    }
    const auto first = take_line(head);
    const auto space = first.find(' ');
    const auto last = first.rfind(' ');
    if (space == std::string_view::npos || space == 0 || last == space ||
        (first.substr(last + 1) != "HTTP/1.1" && first.substr(last + 1) != "HTTP/1.0")) {
        return bad("its first line is malformed");
    }
    HttpHead parsed;
    parsed.method = first.substr(0, space);
    const auto target = first.substr(space + 1, last - space - 1);
    parsed.path = target.substr(0, target.find('?'));
    if (!parsed.path.starts_with('/') || parsed.path.contains(' ')) {
        return bad("its target is no path");
    }
    for (bool has_length = false; !head.empty();) {
        if (auto taken = take_header(parsed, has_length, take_line(head)); !taken) {
            return std::unexpected(std::move(taken.error()));
        }
    }
    return parsed;
}

Result<HttpRequest> read_http_request(int in, int out, std::size_t max_body_bytes) {
    const auto until = Clock::now() + patience;
    std::string bytes;
    std::size_t end = std::string::npos;
    while ((end = bytes.find("\r\n\r\n")) == std::string::npos) {
        if (bytes.size() > max_http_head_bytes) {
            return bad("its head is too large");
        }
        const auto more = read_some(in, until);
        if (!more) {
            return std::unexpected(more.error());
        }
        bytes += *more;
    }
    auto head = parse_http_head(std::string_view(bytes).substr(0, end));
    if (!head) {
        return std::unexpected(std::move(head.error()));
    }
    if (head->content_length > max_body_bytes) {
        return bad("its body is too large");
    }
    HttpRequest request{std::move(*head), bytes.substr(end + 4)};
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    if (request.head.expects_continue && request.body.empty() &&
        ::write(out, go_on.data(), go_on.size()) != static_cast<ssize_t>(go_on.size())) {
        return dsmil::fail_errno(Code::failed, "answering", errno);
    }
    while (request.body.size() < request.head.content_length) {
        const auto more = read_some(in, until);
        if (!more) {
            return std::unexpected(more.error());
        }
        request.body += *more;
    }
    request.body.resize(request.head.content_length); // A second request is not looked at.
    return request;
}

std::string http_response(int status, std::string_view content_type, std::string_view body) {
    return std::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status,
        reason(status), content_type, body.size(), body);
}

} // namespace dsmilctl
