// SPDX-License-Identifier: Apache-2.0
#include "api/message.hpp"

#include "base/bytes.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <format>

namespace dsmil::api {
namespace {

constexpr std::size_t max_target_bytes = 2'048;
constexpr std::size_t max_parameters = 16;

std::unexpected<Error> bad(std::string_view why) {
    return fail(Code::usage, std::format("the request's target is malformed: {}", why));
}

// RFC 3986 section 2.1; '+' means itself.
Result<std::string> decode(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const auto byte = from_hex(text.substr(i + 1, 2));
        if (!byte || byte->size() != 1) {
            return bad("a % without two hexadecimal digits");
        }
        decoded += static_cast<char>(byte->front());
        i += 2;
    }
    if (!is_utf8(decoded) || decoded.contains('\0')) {
        return bad("it is not text");
    }
    return decoded;
}

} // namespace

std::string_view name(Method method) {
    switch (method) {
    case Method::get:
        return "GET";
    case Method::post:
        return "POST";
    case Method::other:
        break;
    }
    return "other";
}

Result<Target> Target::parse(std::string_view text) {
    if (text.size() > max_target_bytes || !text.starts_with('/') || text.contains('#')) {
        return bad("it is no path");
    }
    Target target;
    const auto question = text.find('?');
    auto path = decode(text.substr(0, question));
    if (!path) {
        return std::unexpected(std::move(path.error()));
    }
    target.path = std::move(*path);
    auto rest = question == std::string_view::npos ? std::string_view{} : text.substr(question + 1);
    while (!rest.empty()) {
        const auto end = rest.find('&');
        const auto pair = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos) {
            return bad("a parameter without a value");
        }
        auto name = decode(pair.substr(0, equals));
        auto value = decode(pair.substr(equals + 1));
        if (!name || !value) {
            return std::unexpected(!name ? std::move(name.error()) : std::move(value.error()));
        }
        if (!target.parameters.emplace(std::move(*name), std::move(*value)).second) {
            return bad("a parameter comes twice");
        }
        if (target.parameters.size() > max_parameters) {
            return bad("it has too many parameters");
        }
    }
    return target;
}

Result<std::uint64_t> Target::number(const std::string &parameter, std::uint64_t low, std::uint64_t high,
                                     std::uint64_t fallback) const {
    const auto found = parameters.find(parameter);
    if (found == parameters.end()) {
        return fallback;
    }
    const std::string &text = found->second;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high) {
        return fail(Code::usage, std::format("{} must be a number from {} to {}", parameter, low, high));
    }
    return value;
}

Response error_response(const Error &error) {
    const CodeInfo &about = info(error.code);
    boost::json::array causes;
    for (const auto &cause : error.causes) {
        causes.emplace_back(cause);
    }
    const boost::json::object body = {{"error",
                                       {{"code", about.name},
                                        {"message", about.message},
                                        {"detail", error.detail},
                                        {"causes", std::move(causes)},
                                        {"remedy", about.remedy}}}};
    Response response;
    response.status = about.http;
    response.body = boost::json::serialize(body);
    return response;
}

} // namespace dsmil::api
