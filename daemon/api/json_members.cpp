// SPDX-License-Identifier: Apache-2.0
#include "api/json_members.hpp"

#include "attest/quote.hpp"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <format>
#include <limits>
#include <openssl/crypto.h>
#include <string>

namespace dsmil::api {
namespace {

constexpr std::size_t max_json_depth = 6;

// Where the parser had its frames, with 4 KiB of text in some: bodies have secrets.
[[gnu::noinline]] void wipe_stack() {
    constexpr std::size_t parser_bytes = 16'384;
    std::array<unsigned char, parser_bytes>
        place; // NOLINT(cppcoreguidelines-pro-type-member-init): what was there
    OPENSSL_cleanse(place.data(), place.size());
}

} // namespace

Result<boost::json::object> parse_object(std::string_view body) {
    boost::system::error_code error;
    boost::json::parse_options options;
    options.max_depth = max_json_depth;
    auto parsed = boost::json::parse(body, error, {}, options);
    wipe_stack();
    if (error || !parsed.is_object()) {
        return fail(Code::usage, "the body must be a JSON object",
                    error ? std::vector{error.message()} : std::vector<std::string>{});
    }
    return std::move(parsed.get_object());
}

std::unexpected<Error> bad_member(std::string_view member, std::string_view what) {
    return fail(Code::usage, std::format("{} {}", member, what));
}

Result<Bytes> parse_hex(std::string_view member, const boost::json::value &value, std::size_t min,
                        std::size_t max) {
    const auto *text = value.if_string();
    auto bytes = text != nullptr ? from_hex(*text) : std::nullopt;
    if (!bytes || bytes->size() < min || bytes->size() > max) {
        return bad_member(member, std::format("must be {} to {} bytes in hexadecimal", min, max));
    }
    return std::move(*bytes);
}

Result<std::uint64_t> parse_number(std::string_view member, const boost::json::value &value,
                                   std::uint64_t min, std::uint64_t max) {
    const auto *number = value.if_int64(); // larger ones are uint64, and too large here
    if (number == nullptr || *number < 0 || static_cast<std::uint64_t>(*number) < min ||
        static_cast<std::uint64_t>(*number) > max) {
        return bad_member(member, max == std::numeric_limits<std::uint64_t>::max()
                                      ? "must be a whole number"
                                      : std::format("must be a whole number from {} to {}", min, max));
    }
    return static_cast<std::uint64_t>(*number);
}

Result<std::vector<unsigned>> parse_pcrs(const boost::json::value &value) {
    std::vector<unsigned> pcrs;
    const auto *array = value.if_array();
    bool right = array != nullptr && !array->empty() && array->size() <= attest::pcr_count;
    for (std::size_t i = 0; right && i < array->size(); i++) {
        const auto *number = (*array)[i].if_int64();
        right = number != nullptr && *number >= 0 && *number < std::int64_t{attest::pcr_count};
        if (right) {
            pcrs.push_back(static_cast<unsigned>(*number));
        }
    }
    std::ranges::sort(pcrs);
    if (!right || std::ranges::adjacent_find(pcrs) != pcrs.end()) {
        return bad_member("pcrs", std::format("must be distinct numbers from 0 to {}, at least one",
                                              attest::pcr_count - 1));
    }
    return pcrs;
}

} // namespace dsmil::api
