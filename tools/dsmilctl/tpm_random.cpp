// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "output.hpp"
#include "text.hpp"
#include "tpm_call.hpp"

#include <boost/json/value.hpp>

namespace dsmilctl {
namespace {

constexpr std::uint64_t max_bytes = 1'024;

} // namespace

dsmil::Result<int> run_tpm_random(const Call &call, Output &out) {
    const auto bytes =
        parse_number("BYTES", call.argument("BYTES"), max_bytes)
            .and_then([&](std::uint64_t count) { return ask_tpm(call, "random", {{"bytes", count}}); })
            .and_then([](const boost::json::object &answer) { return hex_member(answer, "bytes"); });
    if (!bytes) {
        return std::unexpected(bytes.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"bytes", dsmil::to_hex(*bytes)}});
    } else {
        out.line(dsmil::to_hex(*bytes));
    }
    return 0;
}

} // namespace dsmilctl
