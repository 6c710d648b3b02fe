// SPDX-License-Identifier: Apache-2.0
// Records of the ledger as the API gives them. Pure, and for any bytes.
#pragma once

#include "dsmil/error.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

namespace dsmilctl {

// The records of an answer: every one an object with a "sequence", rising.
[[nodiscard]] dsmil::Result<boost::json::array> decode_records(std::string_view body);

// A string without its quotes; anything else as JSON.
[[nodiscard]] std::string plain_text(const boost::json::value &value);

// One record as one line of printable text: when, number, who saw what, and
// what else it holds as name=value. Identities of boot and load are left out.
[[nodiscard]] std::string record_line(const boost::json::object &record);

} // namespace dsmilctl
