// SPDX-License-Identifier: Apache-2.0
// Errors as values: a stable code, what happened, and the chain of causes. The
// codes, their exit and HTTP status and their remedies come from errors.csv.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dsmil {

enum class Code : std::uint8_t {
#define DSMIL_ERROR(code, exit, http, message, remedy) code,
#include "dsmil/errors.def"
#undef DSMIL_ERROR
};

// What the table says about a code; every string lives for ever.
struct CodeInfo {
    std::string_view name;    // as in errors.csv, for JSON and logs
    int exit;                 // of dsmilctl
    int http;                 // of the API
    std::string_view message; // one sentence, no full stop
    std::string_view remedy;  // what the user can do
};

[[nodiscard]] const CodeInfo &info(Code code);

// The code of that name, or Code::failed for a name of a newer release.
[[nodiscard]] Code code_from_name(std::string_view name);

struct [[nodiscard]] Error {
    Code code = Code::failed;
    std::string detail;              // what exactly: names, numbers, places
    std::vector<std::string> causes; // outermost first; the last is the root cause

    // The same error seen from one level up: detail becomes the first cause.
    [[nodiscard]] Error in(std::string context) &&;
};

template <typename T>
using Result = std::expected<T, Error>;

// For `return fail(Code::usage, "...")` in a function that returns Result<T>.
[[nodiscard]] inline std::unexpected<Error> fail(Code code, std::string detail,
                                                 std::vector<std::string> causes = {}) {
    return std::unexpected(Error{code, std::move(detail), std::move(causes)});
}

// The operating system's word for errno value `number`, as the only cause.
[[nodiscard]] std::unexpected<Error> fail_errno(Code code, std::string detail, int number);

} // namespace dsmil
