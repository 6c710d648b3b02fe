// SPDX-License-Identifier: Apache-2.0
// Members of a request's JSON body, each with its bounds. The bytes may be hostile.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <boost/json/object.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dsmil::api {

// usage unless it is one JSON object of a modest depth.
[[nodiscard]] Result<boost::json::object> parse_object(std::string_view body);

// usage, with the member's name and what it must be.
[[nodiscard]] std::unexpected<Error> bad_member(std::string_view member, std::string_view what);
[[nodiscard]] Result<Bytes> parse_hex(std::string_view member, const boost::json::value &value,
                                      std::size_t min, std::size_t max);
[[nodiscard]] Result<std::uint64_t> parse_number(std::string_view member, const boost::json::value &value,
                                                 std::uint64_t min, std::uint64_t max);
// Distinct PCRs, at least one; ascending in the result.
[[nodiscard]] Result<std::vector<unsigned>> parse_pcrs(const boost::json::value &value);

} // namespace dsmil::api
