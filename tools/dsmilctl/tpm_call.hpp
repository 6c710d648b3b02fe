// SPDX-License-Identifier: Apache-2.0
// What the commands on the TPM itself share.
#pragma once

#include "base/bytes.hpp"
#include "command.hpp"
#include "dsmil/error.hpp"

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

namespace dsmilctl {

// What dsmild answered to an operation under /v1/tpm/.
[[nodiscard]] dsmil::Result<boost::json::object> ask_tpm(const Call &call, std::string_view operation,
                                                         const boost::json::object &request);

// "0x01801000" or its number, as the API wants it.
[[nodiscard]] dsmil::Result<std::string> parse_nv_index(std::string_view text);

// The 1 .. max bytes of a file; usage when it has none or more.
[[nodiscard]] dsmil::Result<dsmil::Bytes> file_bytes(const std::string &path, std::size_t max);

// Puts the bytes of the file that --secret names into the request; on the command line
// everybody would see them.
[[nodiscard]] dsmil::Result<void> add_secret(const Call &call, boost::json::object &request);

// Text that must be hexadecimal; failed.
[[nodiscard]] dsmil::Result<dsmil::Bytes> hex_member(const boost::json::object &answer,
                                                     std::string_view name);

} // namespace dsmilctl
