// SPDX-License-Identifier: Apache-2.0
#include "attest/policy_digest.hpp"
#include "command.hpp"
#include "output.hpp"
#include "text.hpp"
#include "verify_files.hpp"

#include <format>

namespace dsmilctl {

namespace attest = dsmil::attest;
using dsmil::Code;

dsmil::Result<int> run_verify_policy_digest(const Call &call, Output &out) {
    const auto alg = hash_option(call, "--hash");
    if (!alg) {
        return std::unexpected(alg.error());
    }
    std::optional<dsmil::Bytes> expected;
    if (const auto text = call.option("--expect")) {
        auto bytes = parse_hex("--expect", *text, attest::size_of(*alg), attest::size_of(*alg));
        if (!bytes) {
            return std::unexpected(std::move(bytes.error()));
        }
        expected = std::move(*bytes);
    }
    const auto json = read_named(call, "FILE", attest::max_policy_bytes);
    if (!json) {
        return std::unexpected(json.error());
    }
    auto computed = attest::policy_digest(dsmil::as_text(*json), *alg);
    if (!computed) {
        return std::unexpected(
            std::move(computed.error()).in(std::format("reading {}", call.argument("FILE"))));
    }
    const auto hex = dsmil::to_hex(computed->view());
    if (expected && *computed != dsmil::ByteView(*expected)) {
        return dsmil::fail(
            Code::policy_violated,
            std::format("the policy's digest is {}, not {}; the object is under another policy, or "
                        "--hash is not its name algorithm",
                        hex, dsmil::to_hex(*expected)));
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"file", call.argument("FILE")},
                    {"hash", attest::name_of(*alg)},
                    {"digest", hex},
                    {"compared", expected.has_value()}});
    } else {
        out.line(hex);
    }
    return 0;
}

} // namespace dsmilctl
