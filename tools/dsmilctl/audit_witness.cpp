// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "inetd_http.hpp"
#include "ledger/proof_file.hpp"
#include "ledger/witness.hpp"
#include "new_file.hpp"
#include "note_signer.hpp"
#include "output.hpp"
#include "proof_text.hpp"

#include <chrono>
#include <format>
#include <unistd.h>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;
using dsmil::ledger::Witness;
using dsmil::ledger::WitnessAnswer;

std::uint64_t now() {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count());
}

// What the protocol's statuses are on the command line.
Code code_of(int status) {
    switch (status) {
    case 400:
        return Code::malformed;
    case 403:
        return Code::signature_refused;
    case 404:
        return Code::not_found;
    case 409:
        return Code::stale;
    case 422:
        return Code::proof_refused;
    default:
        return Code::failed;
    }
}

std::string_view without_newline(std::string_view text) {
    return text.substr(0, text.find_last_not_of('\n') + 1);
}

Result<int> answer_file(const Call &call, Output &out, const Witness &witness) {
    const auto request = read_file(call.argument("REQUEST"), dsmil::ledger::max_proof_file_bytes);
    if (!request) {
        return std::unexpected(request.error());
    }
    const auto answer = witness.add_checkpoint(*request);
    if (answer.status != 200) {
        return dsmil::fail(code_of(answer.status),
                           answer.status == 409 ? std::format("the newest cosigned checkpoint covers {}",
                                                              without_newline(answer.body))
                                                : std::string(without_newline(answer.body)));
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"cosignatures", answer.body}});
    } else {
        out.text(answer.body);
    }
    return 0;
}

// Paths end as the protocol has them; what comes before is the prefix under which the witness is known.
WitnessAnswer answer_http(const Witness &witness, const HttpRequest &request) {
    constexpr std::string_view submission = "/add-checkpoint";
    constexpr std::string_view monitoring = "/checkpoint";
    constexpr std::size_t hash_digits = 64;
    std::string_view path = request.head.path;
    if (path.ends_with(submission)) {
        return request.head.method == "POST" ? witness.add_checkpoint(request.body)
                                             : WitnessAnswer{405, "POST it\n"};
    }
    if (!path.ends_with(monitoring)) {
        return {404, "no such resource\n"};
    }
    path.remove_suffix(monitoring.size());
    if (request.head.method != "GET") {
        return {405, "GET it\n"};
    }
    return witness.checkpoint(path.size() > hash_digits ? path.substr(path.size() - hash_digits) : "");
}

Result<int> serve(Output &out, const Witness &witness) {
    const auto request = read_http_request(STDIN_FILENO, STDOUT_FILENO, dsmil::ledger::max_proof_file_bytes);
    const auto answer =
        request ? answer_http(witness, *request) : WitnessAnswer{400, request.error().detail + "\n"};
    out.text(http_response(answer.status, answer.content_type, answer.body));
    return 0;
}

} // namespace

Result<int> run_audit_witness(const Call &call, Output &out) {
    const bool show = call.has("--show-key");
    const bool http = call.has("--http");
    if (show + http + call.has("REQUEST") != 1) {
        return dsmil::fail(Code::usage, "give one of REQUEST, --http and --show-key");
    }
    if (!show && !(call.has("--state") && call.has("--logs"))) {
        return dsmil::fail(Code::usage, "a witness needs --state and --logs");
    }
    if (http && call.json) {
        return dsmil::fail(Code::usage, "--json does not go with --http");
    }
    const auto signer = NoteSigner::open(call.argument("--key"), call.argument("--name"));
    if (!signer) {
        return std::unexpected(signer.error());
    }
    if (show) {
        const auto vkey = signer->verifier().text();
        if (call.json) {
            out.object({{"schema", call.command->schema}, {"vkey", vkey}});
        } else {
            out.line(vkey);
        }
        return 0;
    }
    auto logs = read_keys_file(call.argument("--logs"));
    if (!logs) {
        return std::unexpected(std::move(logs.error()));
    }
    const Witness witness({call.argument("--state"), std::move(*logs),
                           [&signer](std::string_view text, std::uint64_t time) {
                               return signer->cosign(text, time).transform([](auto signature) {
                                   return std::vector{std::move(signature)};
                               });
                           },
                           now});
    return http ? serve(out, witness) : answer_file(call, out, witness);
}

} // namespace dsmilctl
