// SPDX-License-Identifier: Apache-2.0
// Grants as bytes. Pure.
#pragma once

#include "dsmil/error.hpp"

#include <linux/dsmil.h>
#include <string>
#include <string_view>
#include <vector>

namespace dsmilctl {

// What is signed: the prefix and the body.
[[nodiscard]] std::string message_of(const dsmil_grant_body &body);

// The grant of such a message and of its signatures (DER, in the order of the signers).
// usage: it is no such message, or their number or form is wrong.
[[nodiscard]] dsmil::Result<std::string> assemble_grant(std::string_view message,
                                                        const std::vector<std::string> &signatures);

} // namespace dsmilctl
