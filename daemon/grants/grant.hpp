// SPDX-License-Identifier: Apache-2.0
// Grants as bytes (include/uapi/linux/dsmil.h has their form). Pure.
#pragma once

#include "dsmil/error.hpp"

#include <linux/dsmil.h>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::grants {

// What is signed: the prefix and the body.
[[nodiscard]] std::string message_of(const dsmil_grant_body &body);

// The body of such a message. usage: it is none.
[[nodiscard]] Result<dsmil_grant_body> body_of(std::string_view message);

// The grant of such a message and of its signatures (DER, in the order of the signers).
// usage: it is no such message, or their number or form is wrong.
[[nodiscard]] Result<std::string> assemble(std::string_view message,
                                           const std::vector<std::string> &signatures);

// "CONFIG of device 0x8064 ... = 0x00000001 (mask ...)": the write that it opens, for people
// who sign it.
[[nodiscard]] std::string describe(const dsmil_grant_body &body);

} // namespace dsmil::grants
