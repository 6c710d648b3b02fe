// SPDX-License-Identifier: Apache-2.0
// Requests and answers of the API, free of the HTTP library.
#pragma once

#include "api/peer.hpp"
#include "dsmil/error.hpp"
#include "dsmil/fd.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace dsmil::api {

enum class Method : std::uint8_t { get, post, other };

[[nodiscard]] std::string_view name(Method method); // "GET" ...

// "/v1/ledger/records?after=3": the path, and the parameters decoded.
struct Target {
    std::string path;
    std::map<std::string, std::string> parameters;

    // usage when it is not well formed or a parameter comes twice.
    [[nodiscard]] static Result<Target> parse(std::string_view text);

    // A parameter as a number from low to high; the fallback when it is absent.
    [[nodiscard]] Result<std::uint64_t> number(const std::string &parameter, std::uint64_t low,
                                               std::uint64_t high, std::uint64_t fallback) const;
};

struct Request {
    Method method = Method::get;
    Target target;
    std::string body;
    Peer peer;
};

struct Response {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    Fd file; // when set, it is the body, from its start
};

// {"error": {...}} with the status of the code.
[[nodiscard]] Response error_response(const Error &error);

} // namespace dsmil::api
