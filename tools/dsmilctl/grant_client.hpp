// SPDX-License-Identifier: Apache-2.0
// The daemon's side of grants, as the commands use it.
#pragma once

#include "command.hpp"
#include "grant_answer.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dsmilctl {

// Asks for a grant for the write of the command line (DEVICE, REGISTER, VALUE and the
// options --mask, --old, --seconds, --approver).
[[nodiscard]] dsmil::Result<GrantView> request_grant(const Call &call);

// One of the operations on a grant: "approve", "issue", "revoke".
[[nodiscard]] dsmil::Result<GrantView> call_grant(const Call &call, std::string_view operation,
                                                  const boost::json::object &body);

[[nodiscard]] dsmil::Result<GrantView> find_grant(const Call &call, const std::string &id);

// The bytes of a grant for the write of the command line: asks for it, waits for its
// approver with a word on standard error, and has it given out. try_again after a signal.
[[nodiscard]] dsmil::Result<std::vector<std::uint8_t>> obtain_grant(const Call &call);

// Seconds until it expires, at least 0.
[[nodiscard]] std::uint64_t seconds_left(const GrantView &view);

} // namespace dsmilctl
