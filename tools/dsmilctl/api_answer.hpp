// SPDX-License-Identifier: Apache-2.0
// What dsmild answers, decoded. Pure, bounded, and for any bytes.
#pragma once

#include "dsmil/error.hpp"

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace dsmilctl {

// The error in an answer whose HTTP status says that there is one.
[[nodiscard]] dsmil::Error decode_error(unsigned status, std::string_view body);

// A JSON object, or an error that names `what`.
[[nodiscard]] dsmil::Result<boost::json::object> decode_object(std::string_view what, std::string_view body);

// A member that must be there and be a string; "" never stands for a missing one.
[[nodiscard]] dsmil::Result<std::string> string_member(const boost::json::object &object,
                                                       std::string_view name);
[[nodiscard]] dsmil::Result<std::uint64_t> number_member(const boost::json::object &object,
                                                         std::string_view name);

} // namespace dsmilctl
