// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "output.hpp"
#include "tpm_answer.hpp"

#include <format>

namespace dsmilctl {
namespace {

constexpr std::chrono::seconds patience{150}; // an RSA key takes some chips 8 s

} // namespace

dsmil::Result<int> run_tpm_certify(const Call &call, Output &out) {
    const auto body = ApiClient(call.socket).post("/v1/tpm/certify", "{}", patience);
    const auto origin = body.and_then([](const std::string &text) { return decode_object("dsmild", text); })
                            .and_then(decode_origin);
    if (!origin) {
        return std::unexpected(origin.error());
    }
    if (!origin->certified) {
        return dsmil::fail(dsmil::Code::failed, "dsmild answers that nothing was certified, and no error");
    }
    if (call.json) {
        auto document = origin_json(*origin);
        document["schema"] = call.command->schema;
        out.object(document);
        return 0;
    }
    out.line("the TPM whose storage root is pinned is the one that its maker certified");
    out.table(
        {{"storage root", printable(origin->name)},
         {"certificate", printable(std::format("{}, sha256 {}", origin->ek, origin->ek_certificate_sha256))},
         {"maker", printable(origin->maker)},
         {"", printable("sha256 " + origin->maker_sha256)}});
    return 0;
}

} // namespace dsmilctl
